"""Judged signals that have no field of their own in facts and course: a row here each, and a rule that reads them.

A signal is declared in schemas/events.py and listed here; its rule reads `further_signals.latest(course, name)`. Each
reading counts at once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from monitor.fact_types import VitalsFact
from monitor.guidelines.model import Profile
from monitor.model import Course, Reading
from monitor.units import to_hundredths


class JudgedSignal(NamedTuple):
    """A signal that a rule reads. Readings and limits are in hundredths of its unit."""

    name: str
    # Every value that a rule compares it with: thinning keeps what lies between two of them.
    limits: Callable[[Profile], tuple[int, ...]]


# The order is part of the row format: new ones go last.
FURTHER_SIGNALS: tuple[JudgedSignal, ...] = ()


def readings(values: dict[str, float | None]) -> tuple[int | None, ...]:
    """The readings of an observation, from its fields; empty when it carries none of them."""
    found = tuple(None if (value := values[one.name]) is None else to_hundredths(value) for one in FURTHER_SIGNALS)
    return found if any(one is not None for one in found) else ()


def bands(profile: Profile, fact: VitalsFact) -> tuple[int | None, ...]:
    """For each signal the number of limits that its reading has reached; None: not carried."""
    return tuple(
        None if value is None else sum(value >= limit for limit in one.limits(profile))
        for one, value in zip(FURTHER_SIGNALS, fact.further or (None,) * len(FURTHER_SIGNALS), strict=True)
    )


def with_readings(course: Course, vitals: tuple[VitalsFact, ...], at: int) -> Course:
    """The course after the observations of one instant; of two readings of a signal the higher counts."""
    latest = list(course.further) + [None] * (len(FURTHER_SIGNALS) - len(course.further))
    for fact in sorted(vitals, key=lambda one: one.event_id):
        for place, value in enumerate(fact.further):
            before = latest[place]
            if value is not None and (before is None or before.at < at or before.value < value):
                latest[place] = Reading(value, at, fact.event_id)
    return course._replace(further=tuple(latest))


def latest(course: Course, name: str) -> Reading | None:
    """The latest reading of a signal; None: never measured."""
    place = [one.name for one in FURTHER_SIGNALS].index(name)
    return course.further[place] if place < len(course.further) else None
