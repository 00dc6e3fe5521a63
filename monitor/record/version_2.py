"""Rows of version 2, which build 0.1 wrote: each grade had fields of its own, now grades are listed by scale."""

from __future__ import annotations

from typing import Any

CHECKPOINT, COURSE, RECENT_COURSES = 3, 4, 15  # places in a state
FINDINGS, HELD = (18, 19), 21  # places in a course; the grade by ASTCT followed the one in force


def to_version_3(fields: list[Any]) -> list[Any]:
    """The decoded fields of a state in the places of version 3."""
    fields = list(fields)
    for place in (CHECKPOINT, COURSE):
        fields[place] = _course(fields[place])
    if len(fields) > RECENT_COURSES + 1:  # without it, the last field is what its writer did not know
        fields[RECENT_COURSES] = [_course(one) for one in fields[RECENT_COURSES]]
    return fields


def _course(course: list[Any]) -> list[Any]:
    """A course whose findings have no grade by ASTCT, and whose grades are one list."""
    course = list(course)
    for place in FINDINGS:
        grade, _, since, unknown = course[place]
        course[place] = [grade, since, unknown]
    course[HELD : HELD + 2] = [course[HELD : HELD + 2]]
    return course
