"""Judges a state further: a steady reading, a fever, a tick and a late event, and what came of them."""

from __future__ import annotations

from datetime import timedelta
from typing import NamedTuple

from agents.engine.log_time import LogTime
from agents.engine.patients import Patients
from monitor.model import State
from monitor.patient_view import view
from monitor.units import to_datetime, to_ms
from schemas.events import Tick, Vitals
from tests.bedside import GUIDELINES
from tests.golden.record import Kept, stories


class Stepped(NamedTuple):
    """The state afterwards, the alerts on the way as they go out, and the patient as published."""

    state: State
    alerts: list[str]
    published: str


def stepped(one: Kept, state: State) -> Stepped:
    """What four more events do to the patient of a kept row. Fails on a defect."""
    guideline = GUIDELINES[stories()[one.story].profile]
    patients = Patients(guideline, {one.patient_id: state})
    since = to_datetime(max(state.clock, 0))
    alerts: list[str] = []
    for minute, event in events(one.patient_id, state):
        at = since + timedelta(minutes=minute)
        due = patients.due(to_ms(at)) if event is None else (one.patient_id,)
        for patient_id in due:
            judged = patients.judge(patient_id, event or Tick(effective_at=at), known=LogTime(to_ms(at)))
            alerts += [alert.model_dump_json() for alert in judged.step.alerts]
    assert not patients.defects, patients.defects
    after = patients.states[one.patient_id]
    # Values of closed sets that only a newer build knows are published as they are: not for validation here.
    return Stepped(after, alerts, view(guideline, after).model_dump_json(warnings=False))


def events(patient_id: str, state: State) -> list[tuple[int, Vitals | None]]:
    """By the minute at which they arrive; None is a tick."""
    since = to_datetime(max(state.clock, 0))

    def vitals(event_id: str, minute: int, **signals: float) -> Vitals:
        at = since + timedelta(minutes=minute)
        return Vitals.model_validate({"event_id": event_id, "patient_id": patient_id, "effective_at": at, **signals})

    steady = vitals("steady", 1, heart_rate_per_min=90.0, systolic_mmhg=118.0, spo2_percent=96.0)
    fever = vitals("fever", 2, temperature_celsius=39.5, systolic_mmhg=118.0)
    late = vitals("late", -30, systolic_mmhg=84.0, spo2_percent=88.0)
    return [(1, steady), (2, fever), (70, None), (71, late)]
