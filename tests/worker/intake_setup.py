"""An intake without brokers: producer, heartbeats and the flow of the feed are values that a test sets."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from agents.platform.settings import Settings
from agents.stream.held_feeds import Place
from agents.stream.intake import Intake
from agents.stream.log_formats import LogFormats
from tests.worker.records import LogRecord, RecordingProducer, event, instant

NOTES: Place = ("crs.assessments", 0)
PARTITIONS = 3


class Ward:
    """Intake of one worker, and the heartbeats of all of them."""

    def __init__(self) -> None:
        self.producer = RecordingProducer()
        self.paused: set[Place] = set()
        self.acknowledged: list[str] = []
        settings = Settings(partitions=PARTITIONS)
        self.formats = LogFormats(settings)
        self.intake = Intake(settings, self.producer, self.formats, self)

    def pause(self, place: Place) -> None:
        self.paused.add(place)

    def resume(self, place: Place) -> None:
        self.paused.discard(place)

    def heartbeat(self, partition: int, *log_format: int) -> None:
        """A heartbeat; without a number, of a build that does not say what it reads."""
        fields = {"partition": partition, "at": instant(0)} | ({"log_format": log_format[0]} if log_format else {})
        self.formats.take(LogRecord(0, 0, None, json.dumps(fields).encode(), partition))

    async def take(self, offset: int, *kinds: str, partition: int = 0) -> None:
        """A batch of a feed with events of these kinds."""
        records = [record(offset + place, kind, partition) for place, kind in enumerate(kinds)]
        await self.intake.take(NOTES[0], records, lambda: self.acknowledged.append(f"{partition}:{offset}"))
        await self.settle()

    async def once_a_second(self) -> None:
        await self.intake.take_held()
        await self.settle()

    async def settle(self) -> None:
        for _ in range(10):
            await asyncio.sleep(0)

    def log(self) -> list[str]:
        """Ids of the events that are in the log, in the order in which they were appended."""
        batches = self.producer.of("patient-events")
        return [json.loads(one.value)["event_id"] for _, records in batches for one in records]


def record(offset: int, kind: str, partition: int) -> LogRecord:
    more: dict[str, Any] = {"kind": kind}
    if kind == "attribution":
        more |= {"axis": "fever", "attributed_to_crs": True}
    elif kind == "note":
        more |= {"text": "looks better"}
    return event(offset, "assessment", at=0, **more)._replace(partition=partition)
