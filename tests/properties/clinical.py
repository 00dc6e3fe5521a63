"""What must be equal between two logs of one record: the clinical state, not the messages on the way."""

from __future__ import annotations

from typing import Any

from monitor.course.fold import advance
from monitor.model import Course
from tests.bedside import Log

# These depend on when something was known, or on the feed: acknowledged, raised and closed at once, technical.
DEPENDS_ON_LOG = {"review", "signal_lost", "data_quality", "unmonitored"}


def course_at(log: Log, patient_id: str = "A") -> Course:
    """The whole clinical course as of the log's clock; `timer` is when to look again, not what is true.

    Checksums are left out: they are of entries as they were written, not of what was true.
    """
    course = advance(log.guideline, log.state(patient_id).course, log.at)
    return course._replace(
        timer=0,
        doses=tuple(one._replace(content=0) for one in course.doses),
        contexts=tuple(one._replace(content=0) for one in course.contexts),
        treatments=tuple(one._replace(content=0) for one in course.treatments),
    )


def open_alerts(log: Log, patient_id: str = "A") -> set[tuple[str, str]]:
    """The clinical alerts that are open, as far as they depend on the clinical state alone.

    While only the falling delay holds a grade, an escalation depends on which grade was reported in time.
    """
    course = course_at(log, patient_id)
    if any(held.recent_higher for held in course.grades):
        return set()
    apart = DEPENDS_ON_LOG if course.held.rose else DEPENDS_ON_LOG | {"escalation"}
    return {(a.kind, a.key) for a in log.state(patient_id).alerts.open if a.kind not in apart}


def published(log: Log, patient_id: str = "A") -> dict[str, Any]:
    """The published state, without the alerts and where the log stands."""
    return log.view(patient_id).model_dump(exclude={"alerts", "log_offset"})
