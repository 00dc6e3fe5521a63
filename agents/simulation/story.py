"""An event with the time at which it is to be sent, and the names that keep runs apart."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import NamedTuple

from agents.platform.json_types import Json


class TimedEvent(NamedTuple):
    """`at_ms`: when it arrives at the feed, in ms since 1970."""

    at_ms: int
    event: Json


TimedStory = Iterator[TimedEvent]


def to_ms(written: str) -> int:
    """ISO 8601 with an offset as ms since 1970."""
    return round(datetime.fromisoformat(written).timestamp() * 1000)


def to_iso(at_ms: float) -> str:
    """ms since 1970 as ISO 8601 in UTC."""
    return datetime.fromtimestamp(round(at_ms) / 1000, UTC).isoformat(timespec="milliseconds")


def run_name(start_ms: int, *more: object) -> str:
    """A short name of a run, made from its start time, so that no two runs use the same ids."""
    signs = "0123456789abcdefghijklmnopqrstuvwxyz"
    number, written = start_ms // 1000, ""
    while number:
        number, digit = divmod(number, len(signs))
        written = signs[digit] + written
    return "-".join((*(str(each) for each in more), written))


def rename(event: Json, origin: str, run: str) -> None:
    """Puts the origin and the run into the ids of patients and events, so that no other run has them."""
    for name in ("event_id", "replaces"):
        if name in event:
            event[name] = f"{run}-{event[name]}"
    for name in ("patient_id", "merged_into"):
        if name in event:
            event[name] = f"{origin}-{run}-{event[name]}"
