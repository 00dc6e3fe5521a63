"""What becomes of a record that is merged into another patient's."""

from __future__ import annotations

from monitor.alerts import messages
from monitor.alerts.candidate import rule_context
from monitor.course import fold
from monitor.guidelines.in_force import Guideline
from monitor.model import AlertBook, State, fresh
from monitor.record import merge
from schemas.alerts import Alert
from schemas.events import Patient, PatientEventType
from schemas.system_records import Story


def takes_over(state: State, story: Story) -> bool:
    """Whether the record takes a handover over, or it goes on to where the record itself was merged.

    A record that is already in the handover's path takes it over again: a circle of merges must end.
    """
    return state.merged_into is None or state.patient_id in story.path


def forwarded(state: State, event: PatientEventType) -> PatientEventType:
    """The event as it goes on to the patient into whom the record was merged."""
    path = {"path": (*event.path, state.patient_id)} if isinstance(event, Story) else {}
    return event.model_copy(update={"patient_id": state.merged_into, **path})


def leave(guideline: Guideline, state: State, event: Patient, into: str) -> tuple[State, tuple[Alert, ...], Story]:
    """What is left of the record here, the messages that close its alerts, and the handover to the other patient."""
    at = state.clock
    context = rule_context(guideline, state, at)
    closed = tuple(
        messages.closing_message(context, alert, "resolved", "merged into another record", context.grade)
        for alert in state.alerts.open
    )
    story = merge.handover(guideline, state, event, into)
    left = fresh(state.patient_id)._replace(
        clock=at,
        merged_into=into,
        checkpoint=fold.begin(guideline.profile),
        course=fold.begin(guideline.profile),
        alerts=AlertBook(raised=state.alerts.raised),
    )
    return left, closed, story
