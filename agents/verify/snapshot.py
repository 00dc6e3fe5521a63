"""Reads the stored rows of every patient, as of a marker that has reached a given end of the log.

A live log never ends: a tick is written every second. So the log's ends are taken first, and each partition of the
changelog is read until a marker has reached them. Later rows are not read, because they do not belong to that marker.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from time import monotonic, sleep

from agents.engine.changelog import MARKER, Marker, PartitionRows
from agents.verify.reader import StoredRecord, TopicReader

POLL_SECONDS = 0.25


@dataclass(slots=True)
class Snapshot:
    """One partition of the changelog up to a marker. `wanted`: the end of the log that the marker must reach."""

    wanted: int
    held: PartitionRows = field(default_factory=PartitionRows)
    position: int = 0  # the next offset to read
    _since_marker: list[StoredRecord] = field(default_factory=list)

    @property
    def marker(self) -> Marker:
        """The marker that the rows belong to."""
        return self.held.marker

    @property
    def is_current(self) -> bool:
        """Whether the rows include the log up to `wanted`."""
        return self.marker.next_offset >= self.wanted

    def take(self, record: StoredRecord) -> None:
        """Takes the next record of the changelog. Rows count only after the marker that follows them."""
        self.position = record.offset + 1
        self._since_marker.append(record)
        if record.key == MARKER:
            for one in self._since_marker:
                self.held.take(one.offset, one.key, one.value, one.headers)
            self._since_marker.clear()


def snapshots(
    reader: TopicReader,
    changelog: str,
    ends: Mapping[int, int],
    wait_seconds: float,
    clock: Callable[[], float] = monotonic,
    pause: Callable[[float], None] = sleep,
) -> dict[int, Snapshot]:
    """The rows of every partition, read until all markers have reached `ends` or `wait_seconds` are over."""
    found = {partition: Snapshot(end) for partition, end in ends.items()}
    until = clock() + wait_seconds
    while True:
        bounds = reader.bounds(changelog)
        for partition, snapshot in found.items():
            if snapshot.position and snapshot.is_current:
                continue
            begin = max(snapshot.position, bounds[partition].begin)
            for record in reader.read(changelog, partition, begin, bounds[partition].end):
                snapshot.take(record)
            snapshot.position = max(snapshot.position, bounds[partition].end)
        if all(snapshot.is_current for snapshot in found.values()) or clock() >= until:
            return found
        pause(POLL_SECONDS)


def caught_up(
    committed: Callable[[], Mapping[int, int]],
    ends: Mapping[int, int],
    until: float,
    clock: Callable[[], float] = monotonic,
    pause: Callable[[float], None] = sleep,
) -> dict[int, int]:
    """Waits until a consumer group has committed `ends`, or until the time `until`; gives the committed offsets."""
    while True:
        reached = committed()
        if all(end == 0 or reached.get(partition, 0) >= end for partition, end in ends.items()) or clock() >= until:
            return dict(reached)
        pause(POLL_SECONDS)
