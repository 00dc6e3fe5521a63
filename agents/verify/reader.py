"""What a checker reads: topics as they lie at the brokers, by partition and offset. Never as a member of a group."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol


class StoredRecord(NamedTuple):
    """A record as it lies in a topic. `timestamp`: ms since 1970."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]] = ()

    def header(self, name: str) -> bytes | None:
        """The value of a header, if it is there."""
        return next((value for known, value in self.headers if known == name), None)


class Bounds(NamedTuple):
    """The offsets that a partition holds: from `begin` up to, not including, `end`."""

    begin: int
    end: int


class TopicReader(Protocol):
    """All topics of one installation."""

    def bounds(self, topic: str) -> Mapping[int, Bounds]:
        """What each partition holds now. Raises UserError when the topic or the brokers are not there."""
        ...

    def read(self, topic: str, partition: int, begin: int, end: int) -> Iterator[StoredRecord]:
        """The records from `begin` up to, not including, `end`, in order."""
        ...

    def committed(self, group: str, topic: str) -> Mapping[int, int]:
        """How far a consumer group says it has got with a topic."""
        ...

    def members(self, group: str) -> int:
        """How many consumers a group has now."""
        ...


class Progress(Protocol):
    """Where a long run stands, for a person who waits."""

    def begin(self, what: str, records: int) -> None:
        """A part of the work starts; so many records are to be read."""
        ...

    def advance(self, records: int) -> None:
        """So many more were read."""
        ...


class NoProgress:
    """Says nothing."""

    def begin(self, what: str, records: int) -> None:
        """Nobody is told."""

    def advance(self, records: int) -> None:
        """Nobody is told."""


def as_written(offset: int, timestamp: int, key: Any, value: Any, headers: Any = ()) -> StoredRecord:
    """A record from whatever a client gives."""
    return StoredRecord(offset, timestamp, key, value, tuple(headers or ()))
