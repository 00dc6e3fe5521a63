"""What a Kafka record looks like to the engine and the worker, whichever client read or wrote it."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from monitor.units import to_datetime

LOG_APPEND_TIME = 1  # timestamp type of a topic that keeps the broker's clock; 0: the writer's
YEAR_2000_MS = 946_684_800_000
YEAR_3000_MS = 32_503_680_000_000


class Timed(Protocol):
    """What has a time by somebody's clock."""

    @property
    def timestamp(self) -> int:
        """ms since 1970; 0 or less: none."""
        ...

    @property
    def timestamp_type(self) -> int:
        """1: the broker's clock (LogAppendTime); 0: the writer's."""
        ...


def append_time(record: Timed) -> int | None:
    """When the broker appended a record, ms since 1970; None where it keeps writers' clocks or none.

    A broker's time before 2000 is none: the embedded one counts from its own start.
    """
    by_broker = record.timestamp_type == LOG_APPEND_TIME and YEAR_2000_MS <= record.timestamp < YEAR_3000_MS
    return record.timestamp if by_broker else None


def time_to_show(record: Timed) -> datetime:
    """A record's own time, by whatever clock, for people to read; the nearest within 1970 to 2999 where it is none."""
    return to_datetime(min(max(record.timestamp, 0), YEAR_3000_MS - 1))


class LogRecord(Timed, Protocol):
    """A record that was read."""

    @property
    def offset(self) -> int:
        """Its place in the partition."""
        ...

    @property
    def key(self) -> bytes | None:
        """The patient id under which it was written."""
        ...

    @property
    def value(self) -> bytes | None:
        """The event, as JSON."""
        ...


class FeedRecord(LogRecord, Protocol):
    """A record of a feed topic, which also says its partition."""

    @property
    def partition(self) -> int:
        """The partition of the feed topic."""
        ...


class Appended(Timed, Protocol):
    """A broker's confirmation of one record."""

    @property
    def offset(self) -> int:
        """The offset that it was given."""
        ...
