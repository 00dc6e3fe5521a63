"""A watch without brokers: producer, consumer group and changelog are replaced by values that a test sets."""

from __future__ import annotations

from typing import Any

from agents.engine.changelog import Marker, PartitionRows, parse_marker
from agents.platform.settings import Settings
from agents.stream.watch import PartitionWatch
from monitor.guidelines import in_force
from tests.worker.records import LogRecord, RecordingProducer

GUIDELINE = in_force.load("house")


class Setup:
    """A watch with one partition."""

    def __init__(self, *, log_begins_at: int = 0, rows: PartitionRows | None = None, **settings: Any) -> None:
        self.producer = RecordingProducer()
        self.generation = 1
        self.acknowledged: list[int] = []
        self.rows = rows or PartitionRows()

        async def log_begin(_: int) -> int:
            return log_begins_at

        options = {"checkpoint_seconds": 0.0, "state_seconds": 0.0, "partitions": 1} | settings
        self.watch = PartitionWatch(
            Settings(**options),
            GUIDELINE,
            self.producer,
            lambda _: self.rows,
            lambda: self.generation,
            log_begin,
        )

    async def take(self, *records: LogRecord, generation: int = 1) -> None:
        last = records[-1].offset
        await self.watch.take(0, list(records), generation, lambda: self.acknowledged.append(last))

    def markers(self) -> list[int]:
        """Next offsets of the markers that were written."""
        return [marker.next_offset for marker in self.all_markers()]

    def all_markers(self) -> list[Marker]:
        batches = [records for _, records in self.producer.of("changelog")]
        return [marker for records in batches if (marker := parse_marker(records[-1].value))]
