"""Times and days on the wire: ISO 8601 text, a time always with its offset, within centuries a calendar can hold.

A number, or a number in quotes, is not a time: nobody can see whether it counts seconds or milliseconds, or from when.
The limits keep every later sum of a time and an interval inside Python's calendar; they are wide enough for
de-identified data sets, which shift their dates by centuries.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Annotated, Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler, TypeAdapter
from pydantic_core import CoreSchema, core_schema

EARLIEST = datetime(1850, 1, 1, tzinfo=UTC)
LATEST = datetime(3000, 1, 1, tzinfo=UTC)
LOOKS_LIKE_A_DATE = r"^\d{4}-\d{2}-\d{2}"
SECOND, MINUTE, HOUR, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


class IsoTime:
    """Pydantic's aware datetime, from ISO text only, at or after `EARLIEST` and before `LATEST`."""

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, _: GetCoreSchemaHandler) -> CoreSchema:
        return text_first(
            core_schema.datetime_schema(tz_constraint="aware", ge=EARLIEST, lt=LATEST, strict=False),
            core_schema.datetime_schema(tz_constraint="aware", ge=EARLIEST, lt=LATEST, strict=True),
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, _: CoreSchema, __: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"type": "string", "format": "date-time"}


class IsoDay:
    """Pydantic's date, from ISO text only, within the same limits."""

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, _: GetCoreSchemaHandler) -> CoreSchema:
        return text_first(
            core_schema.date_schema(ge=EARLIEST.date(), lt=LATEST.date(), strict=False),
            core_schema.date_schema(ge=EARLIEST.date(), lt=LATEST.date(), strict=True),
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, _: CoreSchema, __: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"type": "string", "format": "date"}


def text_first(from_text: CoreSchema, from_python: CoreSchema) -> CoreSchema:
    """JSON must hold text that begins like a date; Python code must hold the real thing. All of it runs in Rust."""
    text = core_schema.str_schema(pattern=LOOKS_LIKE_A_DATE, strict=True)
    return core_schema.json_or_python_schema(core_schema.chain_schema([text, from_text]), from_python)


Instant = Annotated[datetime, IsoTime]
Day = Annotated[date, IsoDay]

# Pydantic gives all UTC times that it reads one and the same time zone; within one zone a difference is quickly taken.
EPOCH_AS_READ: datetime = TypeAdapter(Instant).validate_json(b'"1970-01-01T00:00:00Z"')

# Everyday ways to write a time that pydantic does not read; the same dashes or none, as in the standard.
SPELLING = re.compile(
    r"(?P<year>\d{4})(?P<dash>-?)(?P<month>\d{2})(?P=dash)(?P<day>\d{2})"
    r"[Tt ](?P<hour>\d{2})(?::?(?P<minute>\d{2})(?::?(?P<second>\d{2}))?)?(?:[.,](?P<fraction>\d{0,9}))?"
    r" ?(?P<offset>[Zz]|(?P<sign>[+\u2212-])(?P<hours>\d{2})(?::?(?P<minutes>\d{2}))?)?",
    re.ASCII,
)

AS_IT_IS = re.compile(r"\d{4}-\d\d-\d\dT(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,6})?(?:Z|[+-]\d\d:\d\d)", re.ASCII)


def in_extended_form(written: str) -> str | None:
    """A time in ISO 8601's extended form, with its offset if it has one; None for one that is in it, or no time.

    Read: basic and extended form, a space or a lower-case letter in between, hours and minutes alone, a point or a
    comma before a fraction, an offset of hours alone; 24:00 and second 60 are the next instant.
    """
    found = None if AS_IT_IS.fullmatch(written) else SPELLING.fullmatch(written)
    if found is None:
        return None
    hour, minute, second = (int(found[part] or 0) for part in ("hour", "minute", "second"))
    smallest = SECOND if found["second"] else MINUTE if found["minute"] else HOUR
    fraction = smallest * int((found["fraction"] or "0").ljust(9, "0")) // 1_000_000_000
    time = hour * HOUR + minute * MINUTE + second * SECOND + fraction
    if minute > 59 or second > 60 or (hour > 23 and time != DAY):
        return None
    try:
        midnight = datetime(int(found["year"]), int(found["month"]), int(found["day"]), tzinfo=_zone(found))
        return (midnight + time).isoformat()
    except (ValueError, OverflowError):
        return None


def _zone(found: re.Match[str]) -> timezone | None:
    """The offset of a time; None for a time without. Raises ValueError for one of a day or more."""
    if found["offset"] is None:
        return None
    if found["sign"] is None:
        return UTC
    minutes = int(found["minutes"] or 0)
    if minutes > 59:
        raise ValueError("an offset has at most 59 minutes")
    offset = int(found["hours"]) * HOUR + minutes * MINUTE
    return timezone(offset if found["sign"] == "+" else -offset)
