"""What must be equal between two tellings of one story: the clinical state, not what was said on the way."""

from __future__ import annotations

from typing import Any

from monitor.course.fold import advance
from monitor.model import Course
from tests.bedside import Log

# Alerts whose standing depends on what people knew when, or on the feed: acknowledged, said once, or technical.
OF_THE_LOG = {"review", "signal_lost", "data_quality", "unmonitored"}


def course_at(log: Log, patient_id: str = "A") -> Course:
    """The whole clinical course as of the log's clock; `timer` is when to look again, not what is true."""
    course = advance(log.guideline, log.state(patient_id).course, log.at)
    return course._replace(timer=0)


def standing(log: Log, patient_id: str = "A") -> set[tuple[str, str]]:
    """The clinical alerts that are open. A grade that only the falling delay keeps is no news, and nobody is told
    of a level anew who knows that it was higher: such an escalation depends on what was told in time."""
    course = course_at(log, patient_id)
    if course.held.recent_higher or course.astct.recent_higher:
        return set()
    apart = OF_THE_LOG if course.held.rose else OF_THE_LOG | {"escalation"}
    return {(a.kind, a.key) for a in log.state(patient_id).alerts.open if a.kind not in apart}


def seen(log: Log, patient_id: str = "A") -> dict[str, Any]:
    """The published state, without the alerts and where the log stands."""
    return log.view(patient_id).model_dump(exclude={"alerts", "log_offset"})
