"""Age in completed years, and the midnight at which it changes."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from monitor.course import age
from monitor.model import Context
from monitor.units import NEVER, to_ms


def ms(written: str) -> int:
    return to_ms(datetime.fromisoformat(written).replace(tzinfo=UTC))


@pytest.mark.parametrize(
    ("born", "before", "at", "years"),
    [
        ("2008-03-03", "2026-03-02T23:59:59.999", "2026-03-03T00:00", 18),
        ("2025-03-03", "2026-03-02T23:59:59.999", "2026-03-03T00:00", 1),
        ("2007-01-01", "2025-12-31T23:59:59.999", "2026-01-01T00:00", 19),
        ("2008-02-29", "2026-02-28T23:59:59.999", "2026-03-01T00:00", 18),
        ("2008-02-29", "2028-02-28T23:59:59.999", "2028-02-29T00:00", 20),
    ],
)
def test_a_birthday_begins_at_midnight(born: str, before: str, at: str, years: int) -> None:
    context = Context(birth_date=born)
    assert age.on(context, ms(before)).age_years == years - 1
    assert age.on(context, ms(at)).age_years == years
    assert age.next_birthday(context, ms(before)) == ms(at)
    assert age.next_birthday(context, ms(at)) > ms(at)


def test_a_newborn_is_zero_even_a_day_before() -> None:
    """Dates of birth are local: far in the east a child is born on what is tomorrow in UTC."""
    assert age.completed_years(date(2026, 3, 3), date(2026, 3, 2)) == 0


def test_an_age_in_years_has_no_birthday() -> None:
    known = Context(age_years=17.5)
    assert age.on(known, ms("2026-03-03T00:00")) is known
    assert age.next_birthday(known, ms("2026-03-03T00:00")) == NEVER


def test_an_age_that_is_right_already_changes_nothing() -> None:
    context = Context(birth_date="2008-03-03", age_years=17.0)
    assert age.on(context, ms("2026-03-02T12:00")) is context
