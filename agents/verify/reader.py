"""The interface of a topic reader: records by partition and offset, without membership of a consumer group."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple, Protocol


class StoredRecord(NamedTuple):
    """A record of a topic. `timestamp`: ms since 1970."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]] = ()
    timestamp_type: int = 1  # 1: the broker's clock (LogAppendTime); 0: the writer's

    def header(self, name: str) -> bytes | None:
        """The value of the first header of this name; None when there is none."""
        return next((value for known, value in self.headers if known == name), None)


class Bounds(NamedTuple):
    """The offsets that a partition holds: from `begin` up to, not including, `end`."""

    begin: int
    end: int


class TopicReader(Protocol):
    """Reads all topics of one installation."""

    def bounds(self, topic: str) -> Mapping[int, Bounds]:
        """The offsets that each partition holds now. Raises UserError without the topic or without a broker."""
        ...

    def read(self, topic: str, partition: int, begin: int, end: int) -> Iterator[StoredRecord]:
        """The records from `begin` up to, not including, `end`, in order."""
        ...

    def committed(self, group: str, topic: str) -> Mapping[int, int]:
        """The committed offset of a consumer group for each partition that has one."""
        ...

    def members(self, group: str) -> int:
        """The number of consumers in a group now."""
        ...


class Progress(Protocol):
    """Shows the progress of a long run."""

    def begin(self, what: str, records: int) -> None:
        """A part of the work starts, with this number of records to read."""
        ...

    def advance(self, records: int) -> None:
        """This number of further records has been read."""
        ...


class NoProgress:
    """Shows no progress."""

    def begin(self, what: str, records: int) -> None:
        """Does nothing."""

    def advance(self, records: int) -> None:
        """Does nothing."""
