"""The grade of CRS: the worse of hypotension and hypoxia in an episode, by the profile in force and by ASTCT 2019."""

from __future__ import annotations

from monitor.course import axes
from monitor.guidelines.in_force import Guideline
from monitor.model import Course

DIED_OF_CRS = 5


def by_profile(guideline: Guideline, course: Course, at: int) -> int:
    """The grade that the signs support at an instant (ms); 0: no CRS."""
    if is_death_by_crs(course):
        return DIED_OF_CRS
    return 0 if course.basis == "none" else axes.worse_grade(course)


def by_astct(guideline: Guideline, course: Course, at: int) -> int:
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
