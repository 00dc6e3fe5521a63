"""Times in a story: `10:19`, `10:19:30`, `day 2 06:00`; `10:19@10:27` was received later than it was true."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import NamedTuple

from monitor.units import DAY, HOUR, MINUTE, SECOND, to_ms

DAY_1 = to_ms(datetime(2026, 3, 2, tzinfo=UTC))
_TIME = re.compile(r"(?:day (?P<day>\d+) +)?(?P<hour>\d\d):(?P<minute>\d\d)(?::(?P<second>\d\d))?")


class When(NamedTuple):
    """When something was true at the bedside, and when it was received; ms."""

    effective_at: int
    received_at: int


def read(text: str, today: int) -> When:
    """A time as a story writes it. Without a day it is the day given, that of the line before."""
    effective, at, received = text.partition("@")
    effective_at = read_one(effective, today)
    return When(effective_at, read_one(received, _midnight(effective_at)) if at else effective_at)


def read_one(text: str, today: int) -> int:
    """One time of day, on its own day or else on the day given (its midnight, ms)."""
    found = _TIME.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"'{text}' is no time; write 10:19, 10:19:30 or day 2 06:00")
    day = DAY_1 + (int(found["day"]) - 1) * DAY if found["day"] else today
    return day + int(found["hour"]) * HOUR + int(found["minute"]) * MINUTE + int(found["second"] or 0) * SECOND


def show(at: int, today: int) -> str:
    """An instant as a story writes it on that day."""
    day, of_day = (at - DAY_1) // DAY + 1, (at - DAY_1) % DAY
    seconds = of_day // SECOND
    time = f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}" + (f":{seconds % 60:02d}" if seconds % 60 else "")
    return time if _midnight(at) == today else f"day {day} {time}"


def _midnight(at: int) -> int:
    return DAY_1 + (at - DAY_1) // DAY * DAY


midnight = _midnight
