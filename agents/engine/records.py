"""What a Kafka record looks like to the engine and the worker, whichever client read or wrote it."""

from __future__ import annotations

from typing import Protocol

YEAR_2000_MS = 946_684_800_000


def broker_time(timestamp: int) -> int | None:
    """The time of a record, ms since 1970; None for 0, for -1, and for a broker that counts from its own start."""
    return timestamp if timestamp >= YEAR_2000_MS else None


class LogRecord(Protocol):
    """A record that was read. `timestamp`: ms since 1970, when the broker appended it."""

    @property
    def offset(self) -> int:
        """Its place in the partition."""
        ...

    @property
    def timestamp(self) -> int:
        """When the broker appended it, ms since 1970."""
        ...

    @property
    def key(self) -> bytes | None:
        """The patient id under which it was written."""
        ...

    @property
    def value(self) -> bytes | None:
        """The event, as JSON."""
        ...


class TimedRecord(LogRecord, Protocol):
    """A record that also says whose clock its timestamp is."""

    @property
    def timestamp_type(self) -> int:
        """1: the broker's clock (LogAppendTime); 0: the writer's."""
        ...


class FeedRecord(TimedRecord, Protocol):
    """A record of a feed topic, which also says its partition."""

    @property
    def partition(self) -> int:
        """The partition of the feed topic."""
        ...


class Appended(Protocol):
    """A broker's confirmation of one record."""

    @property
    def offset(self) -> int:
        """The offset that it was given."""
        ...

    @property
    def timestamp(self) -> int:
        """ms since 1970; by whose clock says `timestamp_type`."""
        ...

    @property
    def timestamp_type(self) -> int:
        """1: the broker's clock (LogAppendTime); 0: the writer's."""
        ...
