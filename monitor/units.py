"""Units in which the judgement counts: instants as whole milliseconds since 1970 UTC, readings as whole numbers.

Whole numbers are cheap to compare and exact to store. Readings are rounded to the resolution that people print, half
up, and never compared as raw floats.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from math import floor

from schemas.instants import EPOCH_AS_READ

SECOND = 1000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
LONG_AGO = -(1 << 53)
NEVER = 1 << 53
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
AS_READ = EPOCH_AS_READ.tzinfo
# A decimal such as 37.95 sits a hair below itself in binary; this much is far below any sensor's resolution.
EPSILON = 1e-9


def to_ms(at: datetime) -> int:
    """Milliseconds since 1970 UTC of an aware time."""
    since = at - (EPOCH_AS_READ if at.tzinfo is AS_READ else EPOCH)
    return (since.days * 86_400 + since.seconds) * 1000 + round(since.microseconds / 1000)


def to_datetime(at_ms: int) -> datetime:
    """The aware UTC time of an instant."""
    return EPOCH + timedelta(milliseconds=at_ms)


def whole_second(at_ms: int) -> int:
    """The first whole second at or after an instant: where ticks are."""
    return -(-at_ms // SECOND) * SECOND


def clock(at_ms: int) -> str:
    """An instant as people read it: day and minute, UTC."""
    return to_datetime(at_ms).strftime("%d %b %H:%M UTC")


def hours(ms: int) -> str:
    """A length of time that rules speak of: `24 h`, `1.5 h`."""
    return f"{ms / HOUR:g} h"


def duration(ms: int) -> str:
    """A length of time as people read it: `2 h 05 min`."""
    minutes = ms // MINUTE
    hours, rest = divmod(minutes, 60)
    return f"{hours} h {rest:02d} min" if hours else f"{rest} min"


def to_integer(value: float) -> int:
    """To the integer, half up."""
    return floor(value + 0.5 + EPSILON)


def to_hundredths(value: float) -> int:
    """To a hundredth, half up, as a count of hundredths (2.1 -> 210)."""
    return floor(value * 100 + 0.5 + EPSILON)


def to_tenths(value: float) -> int:
    """To a tenth, half up, as a count of tenths (38.0 -> 380)."""
    return floor(value * 10 + 0.5 + EPSILON)
