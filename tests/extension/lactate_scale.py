"""Lactate as a scale of its own: 1 from 2 mmol/L, 2 from 4 mmol/L. An example, no medicine."""

from __future__ import annotations

from monitor.course import further_signals
from monitor.guidelines.in_force import Guideline
from monitor.model import Course


def by_lactate(guideline: Guideline, course: Course, at: int) -> int:
    """The grade of the latest lactate; 0 when none was measured."""
    lactate = further_signals.latest(course, "lactate_mmol_per_l")
    return 0 if lactate is None else sum(lactate.value >= limit for limit in (200, 400))
