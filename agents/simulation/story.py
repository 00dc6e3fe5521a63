"""One event of a story that is told now: when it is due, and the event itself."""

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
    """An instant as a story writes it, with its offset."""
    return round(datetime.fromisoformat(written).timestamp() * 1000)


def to_iso(at_ms: float) -> str:
    """And back, in UTC."""
    return datetime.fromtimestamp(round(at_ms) / 1000, UTC).isoformat(timespec="milliseconds")


def run_name(start_ms: int, *more: object) -> str:
    """What tells one run from another: when it started, in few signs."""
    signs = "0123456789abcdefghijklmnopqrstuvwxyz"
    number, written = start_ms // 1000, ""
    while number:
        number, digit = divmod(number, len(signs))
        written = signs[digit] + written
    return "-".join((*(str(each) for each in more), written))


def rename(event: Json, origin: str, run: str) -> None:
    """Gives patients and entries of the record names that say where they are from: no other run has them."""
    for name in ("event_id", "replaces"):
        if name in event:
            event[name] = f"{run}-{event[name]}"
    for name in ("patient_id", "merged_into"):
        if name in event:
            event[name] = f"{origin}-{run}-{event[name]}"
