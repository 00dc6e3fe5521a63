"""What the rules look at, and what they may want to say: the scene, an alert that should stand, and common words."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from monitor.guidelines.in_force import Guideline
from monitor.model import Course, OpenAlert, State
from schemas.alerts import AlertKind, Evidence, Priority

DISCHARGED = ("discharged", "died")
Sources = Callable[[], tuple[Evidence, ...]]


class AlertCandidate(NamedTuple):
    """One alert that should be open. Alerts with equal `kind` and `key` are one thing to know."""

    kind: AlertKind
    key: str
    priority: Priority
    rule_id: str
    effective_at: int
    title: str
    message: str
    evidence: Sources
    unknown: tuple[str, ...] = ()
    action: str | None = None
    drug: str | None = None
    dose_mg: float | None = None
    dose_basis: str | None = None
    not_before: int | None = None
    limits: str | None = None
    raise_if_new: bool = True  # False: stays open if it is, but is not raised anew
    until_acknowledged: bool = False

    def same_content(self, standing: OpenAlert) -> bool:
        """Whether a new version would not be worth a message."""
        return (
            self.title == standing.title
            and self.priority == standing.priority
            and self.rule_id == standing.rule_id
            and self.dose_mg == standing.dose_mg
            and self.not_before == standing.not_before
        )


class RuleContext(NamedTuple):
    """What the rules look at: the course advanced to the log clock, and the grade that people know."""

    guideline: Guideline
    state: State
    course: Course
    at: int
    grade: int
    astct: int
    recheck_at: list[int]

    @property
    def level(self) -> int:
        """The higher of the two grades: priorities follow it."""
        return max(self.grade, self.astct)


def priority(level: int) -> Priority:
    """The priority of what belongs to a grade."""
    return "high" if level >= 3 else "medium" if level == 2 else "low"


def at_least_medium(level: int) -> Priority:
    """Medium; high from grade 3."""
    return "high" if level >= 3 else "medium"


def grades(scene: RuleContext) -> str:
    if scene.astct == scene.grade:
        return f"grade {scene.grade}"
    return f"grade {scene.grade}; ASTCT 2019: grade {scene.astct}"


def missing(course: Course) -> tuple[str, ...]:
    """What was missing for the grade: it is then a floor."""
    unknown = dict.fromkeys((*course.hypotension.unknown, *course.hypoxia.unknown))
    if course.temperature is None:
        unknown["fever"] = None
    return tuple(unknown)


def open_alert(state: State, kind: str, key: str) -> OpenAlert | None:
    """The open alert of this kind and key."""
    return next((a for a in state.alerts.open if a.kind == kind and a.key == key), None)
