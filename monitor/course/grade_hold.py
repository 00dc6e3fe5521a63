"""The grade over time: it rises at once and falls only after the lower one has held."""

from __future__ import annotations

from monitor.model import Held


def hold(held: Held, raw: int, at: int, fall_after: int) -> Held:
    """The grade at an instant, when the signs support `raw`: the highest supported in the last `fall_after` ms."""
    if raw == held.raw and not held.lately:
        return held
    lately = [entry for entry in held.lately if entry[1] + fall_after > at and entry[0] > raw]
    raw_since = held.raw_since
    if raw != held.raw:
        if held.raw > raw and held.raw_since < at:
            lately = [entry for entry in lately if entry[0] > held.raw]
            lately.append((held.raw, at))
        raw_since = at
    grade = lately[0][0] if lately else raw
    if grade == held.grade:
        return Held(raw, raw_since, tuple(lately), grade, held.since, held.rose)
    return Held(raw, raw_since, tuple(lately), grade, at, grade > held.grade)


def falls_at(held: Held, fall_after: int) -> int | None:
    """When the grade falls by time alone; None: it does not."""
    return held.lately[0][1] + fall_after if held.lately else None
