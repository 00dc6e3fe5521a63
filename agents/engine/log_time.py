"""Log time: when the hospital could know of an event, bounded by the broker's clock, and whether it had to wait.

An event waits when no worker is running: the time of the ticks around it shows that.
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple, Self

from agents.engine.records import LOG_APPEND_TIME, Timed
from monitor.units import DAY, MINUTE, SECOND, to_datetime, to_ms
from schemas.events import PatientEventType

YEAR_2000_MS = 946_684_800_000
YEAR_3000_MS = 32_503_680_000_000
LONGEST_WAY = 7 * DAY  # no event is longer on its way to the log
DOWN_AFTER_MS = 2 * MINUTE  # without a tick for longer, no worker was running


class LogTime(NamedTuple):
    """`at`: ms since 1970. `is_ahead`: the feed says that the event arrived after the broker had it."""

    at: int
    is_ahead: bool = False


def append_time(record: Timed) -> int | None:
    """When the broker appended a record, ms since 1970; None where it keeps writers' clocks or none.

    A broker's time before 2000 is none: the embedded one counts from its own start.
    """
    by_broker = record.timestamp_type == LOG_APPEND_TIME and YEAR_2000_MS <= record.timestamp < YEAR_3000_MS
    return record.timestamp if by_broker else None


def time_to_show(record: Timed) -> datetime:
    """A record's own time, by whatever clock, for people to read; the nearest within 1970 to 2999 where it is none."""
    return to_datetime(min(max(record.timestamp, 0), YEAR_3000_MS - 1))


def log_time(event: PatientEventType, appended_at: int | None, ticked_at: int, tolerated: int) -> LogTime:
    """When the event arrived, as far as that is believable. All times in ms.

    `appended_at`: by the broker's clock; None: it keeps none. `ticked_at`: the last tick before it, 0 without one.
    `tolerated`: by how much a feed's clock may be ahead.
    """
    received_at = None if event.received_at is None else to_ms(event.received_at)
    if appended_at is None:
        return LogTime(ticked_at or to_ms(event.effective_at) if received_at is None else received_at)
    if received_at is None or received_at < appended_at - LONGEST_WAY:
        return LogTime(appended_at)
    return LogTime(appended_at, True) if received_at > appended_at + tolerated else LogTime(received_at)


def tick_time(effective_at: int, appended_at: int | None, tolerated: int) -> int:
    """The time of a tick, ms; that of the broker, in whole seconds, where the tick comes from a clock that is wrong."""
    if appended_at is None or abs(effective_at - appended_at) <= tolerated:
        return effective_at
    return appended_at - appended_at % SECOND


class Ticks(NamedTuple):
    """When ticks were appended, ms: the last one, and the two around the last downtime, when no worker ticked."""

    last: int = 0
    down_from: int = 0
    down_to: int = 0

    def after(self, appended_ms: int) -> Ticks:
        """The same with one more tick."""
        if self.last and appended_ms - self.last > DOWN_AFTER_MS:
            return Ticks(appended_ms, self.last, appended_ms)
        return self._replace(last=max(self.last, appended_ms))

    def is_backlog(self, known_at: int, appended_ms: int) -> bool:
        """Whether an event that arrived at `known_at` (ms) had to wait because no worker was running."""
        last, down_from, down_to = self
        still_down = last > 0 and appended_ms - last > DOWN_AFTER_MS and known_at > last
        return still_down or down_from < known_at < down_to


class InsertedTicks(Ticks):
    """Ticks that a replay of recorded events inserts where somebody is due: hours apart, and never a downtime."""

    __slots__ = ()

    def after(self, appended_ms: int) -> Self:
        """The same: an inserted tick says nothing about a worker."""
        return self


NEVER_TICKED = Ticks()
NO_DOWNTIME = InsertedTicks()
