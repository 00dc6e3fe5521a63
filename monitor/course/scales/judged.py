"""How each scale is judged, and the grades on all of them at one instant."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from monitor.course.scales import crs
from monitor.course.scales.hold import grade_falls_at, hold_grade
from monitor.guidelines.in_force import Guideline
from monitor.guidelines.model import Profile
from monitor.model import Course, HeldGrade
from schemas.state import SCALES


class JudgedScale(NamedTuple):
    """What grade the signs support at an instant (ms), and how long a lower one must last before the grade falls."""

    supported: Callable[[Guideline, Course, int], int]
    falls_after: Callable[[Profile], int]


JUDGED: dict[str, JudgedScale] = {
    "crs": JudgedScale(crs.by_profile, lambda profile: profile.fall_after),
    "astct": JudgedScale(crs.by_astct, lambda profile: profile.fall_after),
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
