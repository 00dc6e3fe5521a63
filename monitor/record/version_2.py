"""Rows of version 2, which build 0.1 wrote: how what has changed its form since then is read.

Each grade had fields of its own, now grades are listed by scale. Event ids were known without their source, and only
that one was taken back. What the context was made of, and when treatments began, was not kept.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Any

CLOCK, CHECKPOINT, COURSE, FACTS, VOIDED, RECENT_COURSES = 1, 3, 4, 5, 6, 15  # places in a state
# Places in a course; the grade by ASTCT followed the one in force.
FINDINGS, HELD, INFUSIONS, CONTEXT, FURTHER = (18, 19), 21, 12, 16, 26
INFUSED_AT, SINCE = 6, 15  # places in a context
CONTEXT_NAMES = (
    "weight_kg",
    "age_years",
    "birth_date",
    "unit",
    "bed",
    "product",
    "infused_at",
    "high_risk",
    "neutrophils_per_ul",
    "baseline_systolic_mmhg",
    "baseline_oxygen_device",
    "baseline_oxygen_flow_l_per_min",
    "death_attributed_to_crs",
    "infection_workup",
    "status",
)
NOT_FROM_CONTEXT = ("infused_at", "infection_workup")
CHARTED = "\x1fcharted"  # behind the id of a charted observation


def to_version_3(fields: list[Any]) -> list[Any]:
    """The decoded fields of a state in the places of version 3."""
    fields = list(fields)
    for place in (CHECKPOINT, COURSE):
        fields[place] = _course(fields[place])
    if len(fields) > RECENT_COURSES + 1:  # without it, the last field is what its writer did not know
        fields[RECENT_COURSES] = [_course(one) for one in fields[RECENT_COURSES]]
    vitals, *others = fields[FACTS]
    fields[FACTS] = [
        [[at, event_id + CHARTED * charted, charted, *one] for at, event_id, charted, *one in vitals],
        *others,
    ]
    fields[VOIDED] = [[b"", target, fields[CLOCK], 0, b""] for each in fields[VOIDED] for target in _entries(each)]
    return fields


def _entries(event_id: str) -> list[bytes]:
    """The hashed keys that an id may stand for."""
    keys = [f"{kind}|{event_id}" for kind in ("vitals", "medication", "patient", "assessment")]
    keys.append(f"vitals|{event_id}{CHARTED}")
    return [blake2b(key.encode("utf-8", "surrogatepass"), digest_size=8).digest() for key in keys]


def _course(course: list[Any]) -> list[Any]:
    """A course whose findings have no grade by ASTCT, whose grades are one list, with the origin of its context."""
    course = list(course)
    for place in FINDINGS:
        grade, _, since, unknown = course[place]
        course[place] = [grade, since, unknown]
    course[HELD : HELD + 2] = [course[HELD : HELD + 2]]
    context = course[CONTEXT]
    known = zip(CONTEXT_NAMES, context, strict=False)
    changes = [[name, value] for name, value in known if value is not None and name not in NOT_FROM_CONTEXT]
    infused_at = context[INFUSED_AT]
    contexts = [[context[SINCE], "", changes]] if changes else []
    treatments = [] if infused_at is None else [[infused_at, "", infused_at]]
    lines = [
        [drug, role, "", None, rate, unit, since, since, at, key]
        for drug, role, rate, unit, since, at, key in course[INFUSIONS]
    ]
    return [*course, *[[]] * (FURTHER + 1 - len(course)), contexts, treatments, lines]
