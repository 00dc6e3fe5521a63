"""One partition of the log while this worker owns it: its patients, and what is not written to its rows yet."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from agents.engine.changelog import PartitionRows
from agents.engine.partition import Partition


@dataclass(slots=True)
class OwnedPartition:
    """`epoch`: the fencing epoch of this owner. `generation`: of the consumer group, when the partition was assigned.

    Times are seconds of the monotonic clock.
    """

    partition: Partition
    rows: PartitionRows  # as they are in the changelog
    epoch: int
    generation: int
    written_at: float  # when rows and marker were written last
    unwritten: dict[str, None] = field(default_factory=dict)  # patients whose row changed since then
    unpublished: dict[str, None] = field(default_factory=dict)  # patients whose state changed since its publication
    published_at: dict[str, float] = field(default_factory=dict)
    states_checked_at: float = 0.0
    heartbeat_at: float = 0.0
    unconfirmed: list[asyncio.Future[Any]] = field(default_factory=list)  # messages that brokers have not confirmed
    acknowledgements: list[Callable[[], Any]] = field(default_factory=list)  # of batches that are not in the rows yet

    @property
    def number(self) -> int:
        """The partition's number."""
        return self.partition.partition
