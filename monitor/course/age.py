"""A patient's age in completed years: it follows the date of birth where that is known, past a birthday by itself."""

from __future__ import annotations

from datetime import UTC, date, datetime

from monitor.model import Context
from monitor.units import NEVER, to_datetime, to_ms


def on(context: Context, at: int) -> Context:
    """The context with the age at an instant (ms); the same object when nothing changes."""
    if context.birth_date is None:
        return context
    years = completed_years(date.fromisoformat(context.birth_date), to_datetime(at).date())
    return context if context.age_years == years else context._replace(age_years=float(years))


def completed_years(born: date, on: date) -> int:
    """Age in completed years, never below 0. Who was born on 29 February has a birthday on 1 March in other years."""
    before_birthday = (on.month, on.day) < (born.month, born.day)
    return max(0, on.year - born.year - before_birthday)


def next_birthday(context: Context, at: int) -> int:
    """The midnight (UTC, ms) of the next birthday after an instant; NEVER without a date of birth."""
    if context.birth_date is None:
        return NEVER
    born, today = date.fromisoformat(context.birth_date), to_datetime(at).date()
    this_year = _birthday(born, today.year)
    return to_ms(this_year if this_year.date() > today else _birthday(born, today.year + 1))


def _birthday(born: date, year: int) -> datetime:
    try:
        return datetime(year, born.month, born.day, tzinfo=UTC)
    except ValueError:
        return datetime(year, 3, 1, tzinfo=UTC)
