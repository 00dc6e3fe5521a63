"""Log time of an event: when the hospital could know of it. The broker's clock bounds what a feed says about that."""

from __future__ import annotations

from typing import NamedTuple

from monitor.units import DAY, SECOND, to_ms
from schemas.events import PatientEventType

LONGEST_WAY = 7 * DAY  # no event is longer on its way to the log


class LogTime(NamedTuple):
    """`at`: ms since 1970. `is_ahead`: the feed says that the event arrived after the broker had it."""

    at: int
    is_ahead: bool = False


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
