"""Scales: CRS by the profile in force and by ASTCT 2019, how a grade is held, the grades on all scales at an instant.

A further scale is a file in this room, its row in JUDGED, and a field in schemas/state.py.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from monitor.course import axes
from monitor.guidelines.in_force import Guideline
from monitor.guidelines.model import Profile
from monitor.model import Course, HeldGrade
from schemas.state import SCALES

DIED_OF_CRS = 5


class JudgedScale(NamedTuple):
    """What grade the signs support at an instant (ms), and how long a lower one must last before the grade falls."""

    supported: Callable[[Guideline, Course, int], int]
    falls_after: Callable[[Profile], int]


def crs_by_profile(guideline: Guideline, course: Course, at: int) -> int:
    """The grade that the signs support at an instant (ms); 0: no CRS."""
    if is_death_by_crs(course):
        return DIED_OF_CRS
    return 0 if course.basis == "none" else axes.worse_grade(course)


def crs_by_astct(guideline: Guideline, course: Course, at: int) -> int:
    """The same by ASTCT 2019, where a masked fever without any fever on record has no grade."""
    if is_death_by_crs(course):
        return DIED_OF_CRS
    if course.basis in ("none", "masked_unconfirmed"):
        return 0
    hypotension, _ = axes.hypotension(guideline.astct, course, at)
    hypoxia, _ = axes.hypoxia(guideline.astct, course)
    return axes.worse(course.attributed, hypotension, hypoxia)


def is_death_by_crs(course: Course) -> bool:
    """Whether the patient died, and a clinician attributed the death to CRS."""
    return course.context.status == "died" and bool(course.context.death_attributed_to_crs)


JUDGED: dict[str, JudgedScale] = {
    "crs": JudgedScale(crs_by_profile, lambda profile: profile.fall_after),
    "astct": JudgedScale(crs_by_astct, lambda profile: profile.fall_after),
}
# The order of the grades in a course, and in a row of the table: the first is the scale in force, new ones go last.
IN_ORDER = tuple(JUDGED[scale.name] for scale in SCALES)
UNGRADED = HeldGrade()


def with_grades(guideline: Guideline, course: Course, at: int) -> Course:
    """The grade on every scale at an instant (ms), and the peak of the episode on the one in force."""
    before = course.grades
    grades = tuple(
        hold_grade(
            before[index] if index < len(before) else UNGRADED,
            scale.supported(guideline, course, at),
            at,
            scale.falls_after(guideline.profile),
        )
        for index, scale in enumerate(IN_ORDER)
    )
    episode = course.episode
    if episode.open and grades[0].grade > episode.peak:
        episode = episode._replace(peak=grades[0].grade)
    if grades == before and episode is course.episode:
        return course
    return course._replace(episode=episode, grades=grades)


def falls(profile: Profile, course: Course) -> list[int]:
    """When grades fall by time alone (ms)."""
    times = (
        grade_falls_at(held, scale.falls_after(profile)) for held, scale in zip(course.grades, IN_ORDER, strict=False)
    )
    return [at for at in times if at is not None]


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
