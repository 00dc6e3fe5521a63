"""What a Kafka record looks like to the engine and the worker, whichever client read or wrote it."""

from __future__ import annotations

from typing import Protocol

LOG_APPEND_TIME = 1  # timestamp type of a topic that keeps the broker's clock; 0: the writer's


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
