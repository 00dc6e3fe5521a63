"""Times as HL7 v2 and FHIR write them, made into instants with an offset; never guessed."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from functools import cache, lru_cache
from importlib.resources import files
from typing import Literal, NamedTuple
from zoneinfo import ZoneInfo

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)
TimeProblem = Literal["not_a_time", "naive_time", "ambiguous_time"]

HL7_TIME = re.compile(
    r"(?P<day>\d{8})(?P<hour>\d\d)(?P<minute>\d\d)(?:(?P<second>\d\d)(?:[.,](?P<fraction>\d{1,6})\d*)?)?"
    r"\s*(?P<offset>[+-]\d\d(?::?\d\d)?)?",
    re.ASCII,
)
FHIR_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?P<offset>Z|[+-]\d\d:\d\d)?", re.ASCII)
ZONE_PART = re.compile(r"[A-Za-z][A-Za-z0-9_+-]*", re.ASCII)


class Moment(NamedTuple):
    """An instant: `ms` since 1970 (UTC), `text` in ISO 8601 with its offset."""

    ms: int
    text: str


class Clocks(NamedTuple):
    """What a time without an offset is read by: the offset of the message, else the zone of its sender.

    `arrival`: when the message came, ms, where that is known; it decides in the hour that a zone repeats.
    """

    offset: timezone | None = None
    zone: ZoneInfo | None = None
    arrival: int | None = None


@cache
def zone_of(name: str) -> ZoneInfo:
    """A time zone of the pinned package tzdata, the same on every machine. Raises ValueError when there is none."""
    parts = name.split("/")
    path = files("tzdata") / "zoneinfo"
    if not all(ZONE_PART.fullmatch(part) for part in parts) or not path.joinpath(*parts).is_file():
        raise ValueError(f"{name!r} is no time zone, as in Europe/Berlin")
    with path.joinpath(*parts).open("rb") as stream:
        return ZoneInfo.from_file(stream, key=name)


@lru_cache(maxsize=4096)
def hl7_moment(written: str, clocks: Clocks) -> Moment | TimeProblem:
    """A time of HL7 (YYYYMMDDHHMM[SS[.S]][+ZZZZ]); a day or an hour alone is none."""
    found = HL7_TIME.fullmatch(written.strip())
    if found is None:
        return "not_a_time"
    try:
        naive = datetime.combine(date.fromisoformat(found["day"]), time_of_day(found))
        offset = offset_of(found["offset"]) if found["offset"] else clocks.offset
    except (ValueError, OverflowError):
        return "not_a_time"
    if offset is not None:
        return moment(naive.replace(tzinfo=offset))
    return "naive_time" if clocks.zone is None else in_zone(naive, clocks.zone, clocks.arrival)


def time_of_day(found: re.Match[str]) -> time:
    """Hour, minute, second and fraction. Raises ValueError for what no clock shows."""
    fraction = int((found["fraction"] or "0").ljust(6, "0"))
    return time(int(found["hour"]), int(found["minute"]), int(found["second"] or 0), fraction)


def hl7_offset(written: str) -> timezone | None:
    """The offset that a time of HL7 carries itself; `-0000` is UTC."""
    found = HL7_TIME.fullmatch(written.strip())
    try:
        return offset_of(found["offset"]) if found is not None and found["offset"] else None
    except ValueError:
        return None


def offset_of(written: str) -> timezone:
    """An offset as `+0530`, `+05:30` or `+05`. Raises ValueError for a day or more."""
    digits = written[1:].replace(":", "").ljust(4, "0")
    size = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return timezone(-size if written[0] == "-" else size) if size else UTC


def in_zone(naive: datetime, zone: tzinfo, arrival: int | None) -> Moment | TimeProblem:
    """A local time. In the hour that the zone skips it is none; in the one it repeats, arrival decides, or nobody."""
    early, late = (naive.replace(tzinfo=zone, fold=fold) for fold in (0, 1))
    if early.utcoffset() == late.utcoffset():
        return moment(early)
    if early.astimezone(UTC).astimezone(zone).replace(tzinfo=None) != naive:
        return "not_a_time"
    possible = [one for one in (moment(early), moment(late)) if arrival is not None and one.ms <= arrival]
    return possible[-1] if possible else "ambiguous_time"


@lru_cache(maxsize=4096)
def fhir_moment(written: str) -> Moment | TimeProblem:
    """A dateTime or instant of FHIR. A date alone is no time, and a time must have its offset."""
    found = FHIR_TIME.fullmatch(written)
    if found is None:
        return "not_a_time"
    if found["offset"] is None:
        return "naive_time"
    try:
        return moment(datetime.fromisoformat(written))
    except (ValueError, OverflowError):
        return "not_a_time"


def moment(at: datetime) -> Moment:
    """An aware time as an instant."""
    return Moment((at - EPOCH) // MILLISECOND, at.isoformat())


def latest(received: Moment | None, effective: Moment) -> Moment | None:
    """When the hospital had it: never before it was true, whatever the sender's clock says."""
    return None if received is None else max(received, effective, key=lambda one: one.ms)


def day_of(written: str) -> str | None:
    """A day, as YYYYMMDD or YYYY-MM-DD with or without a time behind it, in ISO form; None for less than a day."""
    digits = written.strip()[:10].replace("-", "")[:8]
    try:
        return date(int(digits[:4]), int(digits[4:6]), int(digits[6:])).isoformat() if len(digits) == 8 else None
    except ValueError:
        return None
