"""Rules only read: applying them, or asking when vitals are lost, changes nothing that a later rule would see."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from monitor.alerts import data_alerts
from monitor.alerts.candidate import RecheckAt, RuleContext, rule_context
from monitor.alerts.rules import desired_alerts
from monitor.guidelines.in_force import load
from monitor.model import State, fresh
from monitor.step import step
from monitor.units import HOUR
from schemas.events import Patient, Vitals

GUIDELINE = load()
AT = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)


def feverish_after_infusion() -> State:
    """Infused two hours ago, now with fever and low pressure: rules of every kind have something to wait for."""
    infused = Patient(event_id="1", patient_id="A", effective_at=AT, received_at=AT, infused_at=AT - timedelta(hours=2))
    state = step(GUIDELINE, fresh("A"), infused).state
    for minute in (1, 5):
        at = AT + timedelta(minutes=minute)
        ill = Vitals(
            event_id=f"v{minute}",
            patient_id="A",
            effective_at=at,
            received_at=at,
            temperature_celsius=39.0,
            systolic_mmhg=80,
        )
        state = step(GUIDELINE, state, ill).state
    return state


def results(context: RuleContext) -> list[object]:
    """What the rules return, without the functions that gather evidence."""
    return [one if isinstance(one, RecheckAt) else one._replace(evidence=tuple) for one in desired_alerts(context)]


def test_the_rules_give_the_same_twice() -> None:
    state = feverish_after_infusion()
    context = rule_context(GUIDELINE, state, state.clock)
    first = results(context)
    assert results(context) == first
    assert any(isinstance(one, RecheckAt) for one in first)
    assert context == rule_context(GUIDELINE, state, state.clock)


def test_asking_when_vitals_are_lost_plans_nothing() -> None:
    state = feverish_after_infusion()
    context = rule_context(GUIDELINE, state, state.clock)
    before = results(context)
    assert data_alerts.silence_at(context) == data_alerts.silence_at(context)
    assert results(context) == before


def test_an_infusion_to_come_is_when_monitoring_begins() -> None:
    infused_at = AT + timedelta(hours=3)
    announced = Patient(event_id="1", patient_id="A", effective_at=AT, received_at=AT, infused_at=infused_at)
    done = step(GUIDELINE, fresh("A"), announced)
    assert data_alerts.silence_at(rule_context(GUIDELINE, done.state, done.state.clock)) is None
    assert done.state.due_at == done.state.clock + 3 * HOUR
