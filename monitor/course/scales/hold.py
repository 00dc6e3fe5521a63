"""A grade that is held: it rises at once, and falls after a lower one has lasted."""

from __future__ import annotations

from monitor.model import HeldGrade


def hold_grade(held: HeldGrade, raw: int, at: int, fall_after: int) -> HeldGrade:
    """The grade at an instant, when the signs support `raw`: the highest supported in the last `fall_after` ms."""
    if raw == held.supported and not held.recent_higher:
        return held
    lately = [entry for entry in held.recent_higher if entry[1] + fall_after > at and entry[0] > raw]
    raw_since = held.supported_since
    if raw != held.supported:
        if held.supported > raw and held.supported_since < at:
            lately = [entry for entry in lately if entry[0] > held.supported]
            lately.append((held.supported, at))
        raw_since = at
    grade = lately[0][0] if lately else raw
    if grade == held.grade:
        return HeldGrade(raw, raw_since, tuple(lately), grade, held.since, held.rose)
    return HeldGrade(raw, raw_since, tuple(lately), grade, at, grade > held.grade)


def grade_falls_at(held: HeldGrade, fall_after: int) -> int | None:
    """When a held grade falls by time alone; None: it does not."""
    return held.recent_higher[0][1] + fall_after if held.recent_higher else None
