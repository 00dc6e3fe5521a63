"""When each assigned partition's heartbeat was last received, and which heartbeats are overdue."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta


class HeartbeatMonitor:
    """`within`: how old the latest heartbeat may be; None: heartbeats are not checked."""

    def __init__(self, within: timedelta | None) -> None:
        self.within = within
        self._last_at: dict[int, datetime] = {}  # assigned partition -> last heartbeat, at first the assignment
        self._received: set[int] = set()  # partitions with a heartbeat since their assignment

    @property
    def partitions(self) -> frozenset[int]:
        """The assigned partitions."""
        return frozenset(self._last_at)

    def assigned(self, partition: int, at: datetime) -> None:
        """A new partition has the whole time for its first heartbeat."""
        self._last_at[partition] = at
        self._received.discard(partition)

    def revoked(self, partitions: Iterable[int]) -> None:
        """The heartbeats of these partitions are another dispatcher's concern."""
        for partition in partitions:
            self._last_at.pop(partition, None)
            self._received.discard(partition)

    def received(self, partition: int, at: datetime) -> None:
        """A heartbeat; those of partitions that are not assigned are ignored."""
        if partition in self._last_at:
            self._last_at[partition] = max(at, self._last_at[partition])
            self._received.add(partition)

    def silent(self, at: datetime) -> list[int]:
        """Partitions whose heartbeat is overdue, in order."""
        within = self.within
        return [] if within is None else sorted(p for p, last_at in self._last_at.items() if at - last_at > within)

    @property
    def all_received(self) -> bool:
        """Whether every partition has sent a heartbeat since its assignment; true if there is no partition."""
        return self._received >= self._last_at.keys()

    def all_alive(self, at: datetime) -> bool:
        """Whether every partition's heartbeat is in time; false if there is no partition."""
        return bool(self._last_at) and self.all_received and not self.silent(at)
