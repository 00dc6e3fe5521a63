"""What the rules for alerts read (course and grade of a patient) and return (alerts that should be open)."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from monitor.course import fold
from monitor.guidelines.in_force import Guideline
from monitor.model import Course, HeldGrade, OpenAlert, State
from schemas.alert_kinds import ALERT_KINDS
from schemas.alerts import AlertKind, Evidence, Priority
from schemas.state import SCALES

GatherEvidence = Callable[[], tuple[Evidence, ...]]


class AlertCandidate(NamedTuple):
    """One alert that should be open. Candidates with equal `kind` and `key` are versions of one alert. Times in ms."""

    kind: AlertKind
    key: str
    priority: Priority
    rule_id: str
    effective_at: int
    title: str
    message: str
    evidence: GatherEvidence  # called only when a message is written
    unknown: tuple[str, ...] = ()
    action: str | None = None
    drug: str | None = None
    dose_mg: float | None = None
    dose_basis: str | None = None
    not_before: int | None = None
    limits: str | None = None
    raise_if_new: bool = True  # False: stays open if it is, but is not raised anew

    def same_content(self, open_alert: OpenAlert) -> bool:
        """Whether a new version would not be worth a message."""
        return (
            self.title == open_alert.title
            and self.priority == open_alert.priority
            and self.rule_id == open_alert.rule_id
            and self.dose_mg == open_alert.dose_mg
            and self.not_before == open_alert.not_before
        )


class RecheckAt(NamedTuple):
    """The result of a rule may change at `at` (log clock, ms) by time alone: judge the patient again then."""

    at: int


RuleResult = AlertCandidate | RecheckAt


class RuleContext(NamedTuple):
    """What the rules read: the course as of the log clock, and the grade to report by each scale."""

    guideline: Guideline
    state: State
    course: Course
    at: int
    grades: tuple[int, ...]  # to report, on each scale, in the order of SCALES
    overtaken: bool = False  # a grade fell again before anybody was notified of it

    @property
    def grade(self) -> int:
        """The grade to report by the profile in force."""
        return self.grades[0]

    @property
    def grade_text(self) -> str:
        """The grade as messages write it, with those of other scales of CRS where they differ."""
        others = zip(SCALES[1:], self.grades[1:], strict=True)
        differing = [f"; {one.title}: grade {grade}" for one, grade in others if one.grades_crs and grade != self.grade]
        return f"grade {self.grade}{''.join(differing)}"

    def priority(self, kind: AlertKind, ungraded: int = 0) -> Priority:
        """The priority of a kind of alert at the highest grade of CRS and the signs that were not graded."""
        entry = ALERT_KINDS[kind]
        graded = (grade for one, grade in zip(SCALES, self.grades, strict=True) if one.grades_crs)
        is_severe = max(ungraded, *graded) >= 3
        return "high" if entry.high_from_grade_3 and is_severe else entry.default_priority


def rule_context(guideline: Guideline, state: State, at: int) -> RuleContext:
    """The context at a log time (ms), with the course advanced to it.

    A new grade that the signs no longer support, and that is held only because grades fall late, is not reported.
    """
    course = state.course if state.course.sbp_below else fold.begin(guideline.profile)
    course = fold.advance(guideline, course, at)
    reported = state.alerts.reported_grade
    grades = tuple(
        _reportable_grade(held, reported) if scale.grades_crs else held.grade
        for scale, held in zip(SCALES, course.grades, strict=True)
    )
    return RuleContext(guideline, state, course, at, grades, _is_overtaken(course.held, reported))


def _is_overtaken(held: HeldGrade, reported: int) -> bool:
    return held.grade > reported and held.supported < held.grade


def _reportable_grade(held: HeldGrade, reported: int) -> int:
    return max(held.supported, reported) if _is_overtaken(held, reported) else held.grade


def missing(course: Course) -> tuple[str, ...]:
    """The signals that were missing for the grade: the true grade may then be higher."""
    unknown = dict.fromkeys((*course.hypotension.unknown, *course.hypoxia.unknown))
    if course.temperature is None:
        unknown["fever"] = None
    return tuple(unknown)


def find_open_alert(state: State, kind: AlertKind, key: str) -> OpenAlert | None:
    """The open alert of this kind and key."""
    return next((a for a in state.alerts.open if a.kind == kind and a.key == key), None)
