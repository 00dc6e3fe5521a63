"""Times and days on the wire: ISO 8601 text, a time always with its offset, within centuries a calendar can hold.

A number, or a number in quotes, is not a time: nobody can see whether it counts seconds or milliseconds, or from when.
The limits keep every later sum of a time and an interval inside Python's calendar; they are wide enough for
de-identified data sets, which shift their dates by centuries.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Annotated, Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler, TypeAdapter
from pydantic_core import CoreSchema, core_schema

EARLIEST = datetime(1850, 1, 1, tzinfo=UTC)
LATEST = datetime(3000, 1, 1, tzinfo=UTC)
LOOKS_LIKE_A_DATE = r"^\d{4}-\d{2}-\d{2}"


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
