"""The rows of every patient as the live system has written them down, at a marker that has caught up with the log.

A live log never ends: a tick comes every second. So the log's ends are taken first, and each partition of the changelog
is read until a marker has reached them. Rows and marker go together; whatever is written later is not looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from time import monotonic, sleep

from agents.engine.changelog import MARKER, Marker, PartitionRows
from agents.verify.reader import StoredRecord, TopicReader

LOOK_AGAIN_SECONDS = 0.25


@dataclass(slots=True)
class Snapshot:
    """One partition of the changelog up to a marker. `wanted`: the log's end that the marker is to reach."""

    wanted: int
    held: PartitionRows = field(default_factory=PartitionRows)
    position: int = 0  # what is to be read next
    _since_marker: list[StoredRecord] = field(default_factory=list)

    @property
    def marker(self) -> Marker:
        """How far the log is in the rows."""
        return self.held.marker

    @property
    def is_current(self) -> bool:
        """Whether the rows hold all that was in the log."""
        return self.marker.next_offset >= self.wanted

    def take(self, record: StoredRecord) -> None:
        """One more record of the changelog; rows count when their marker is there."""
        self.position = record.offset + 1
        self._since_marker.append(record)
        if record.key == MARKER:
            for one in self._since_marker:
                self.held.take(one.offset, one.key, one.value, one.headers)
            self._since_marker.clear()


def snapshots(
    journal: TopicReader,
    changelog: str,
    ends: Mapping[int, int],
    wait_seconds: float,
    clock: Callable[[], float] = monotonic,
    pause: Callable[[float], None] = sleep,
) -> dict[int, Snapshot]:
    """The rows of every partition, as soon as markers have reached `ends`, or as they are when waiting is over."""
    found = {partition: Snapshot(end) for partition, end in ends.items()}
    until = clock() + wait_seconds
    while True:
        bounds = journal.bounds(changelog)
        for partition, snapshot in found.items():
            if snapshot.position and snapshot.is_current:
                continue
            begin = max(snapshot.position, bounds[partition].begin)
            for record in journal.read(changelog, partition, begin, bounds[partition].end):
                snapshot.take(record)
            snapshot.position = max(snapshot.position, bounds[partition].end)
        if all(snapshot.is_current for snapshot in found.values()) or clock() >= until:
            return found
        pause(LOOK_AGAIN_SECONDS)


def caught_up(
    committed: Callable[[], Mapping[int, int]],
    ends: Mapping[int, int],
    until: float,
    clock: Callable[[], float] = monotonic,
    pause: Callable[[float], None] = sleep,
) -> dict[int, int]:
    """Waits until a consumer group has got to `ends`, or waiting is over; gives how far it has got."""
    while True:
        reached = committed()
        if all(end == 0 or reached.get(partition, 0) >= end for partition, end in ends.items()) or clock() >= until:
            return dict(reached)
        pause(LOOK_AGAIN_SECONDS)
