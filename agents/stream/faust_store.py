"""The store into which Faust recovers rows: by partition, so that rows of a partition that moved away are dropped.

Faust's own memory store keeps them for ever. Decision 0010 says why there is no local disk.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import Any

from faust.stores import STORES, memory
from faust.types import TP, EventT

from agents.engine.changelog import PartitionRows
from agents.stream import metrics

SCHEME = "rows"

log = logging.getLogger("crs.rows")


class RowStore(memory.Store[bytes, bytes]):
    """Rows by partition of the changelog."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.partitions: dict[int, PartitionRows] = {}

    def rows(self, partition: int) -> PartitionRows:
        """The rows of a partition; empty for one that was never read."""
        return self.partitions.setdefault(partition, PartitionRows())

    def apply_changelog_batch(
        self, batch: Iterable[EventT[Any]], to_key: Callable[[Any], Any], to_value: Callable[[Any], Any]
    ) -> None:
        """Applies records of the changelog in order; keys and values are raw bytes. Foreign records are counted."""
        for event in batch:
            message = event.message
            rows = self.rows(message.partition)
            before = rows.foreign
            rows.take(message.offset, message.key, message.value, message.headers)
            if rows.foreign > before:
                metrics.FOREIGN.inc()
                log.warning("changelog %d/%d: not a record of ours, ignored", message.partition, message.offset)

    def persisted_offset(self, tp: TP) -> int | None:
        """The last offset that was read of a partition; recovery goes on after it."""
        rows = self.partitions.get(tp.partition)
        return None if rows is None or rows.offset < 0 else rows.offset

    async def on_recovery_completed(self, active_tps: set[TP], standby_tps: set[TP]) -> None:
        """Drops the partitions that this worker neither owns nor keeps as a standby."""
        kept = {tp.partition for tp in active_tps | standby_tps}
        for partition in self.partitions.keys() - kept:
            del self.partitions[partition]


STORES.aliases[SCHEME] = "agents.stream.faust_store:RowStore"
