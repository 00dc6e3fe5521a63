"""Where Faust keeps the rows that it recovers: by partition, so that what another worker owns is forgotten at once.

Faust's own memory store keeps the rows of partitions that moved away; decision 0010 says why there is no local disk.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from faust.stores import STORES, memory
from faust.types import TP, EventT

from agents.engine.changelog import PartitionRows

SCHEME = "rows"


class RowStore(memory.Store[bytes, bytes]):
    """Rows by partition of the changelog."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.partitions: dict[int, PartitionRows] = {}

    def held(self, partition: int) -> PartitionRows:
        """What is known of a partition; nothing yet for one that is new."""
        return self.partitions.setdefault(partition, PartitionRows())

    def apply_changelog_batch(
        self, batch: Iterable[EventT[Any]], to_key: Callable[[Any], Any], to_value: Callable[[Any], Any]
    ) -> None:
        """Records of the changelog in their order. Raw bytes: nothing is to be converted."""
        for event in batch:
            message = event.message
            self.held(message.partition).take(message.offset, message.key, message.value, message.headers)

    def persisted_offset(self, tp: TP) -> int | None:
        """How far a partition has been read; recovery goes on from there."""
        held = self.partitions.get(tp.partition)
        return None if held is None or held.offset < 0 else held.offset

    async def on_recovery_completed(self, active_tps: set[TP], standby_tps: set[TP]) -> None:
        """Forgets the partitions that are neither ours nor kept warm for another."""
        kept = {tp.partition for tp in active_tps | standby_tps}
        for partition in self.partitions.keys() - kept:
            del self.partitions[partition]


STORES.aliases[SCHEME] = "agents.stream.faust_store:RowStore"
