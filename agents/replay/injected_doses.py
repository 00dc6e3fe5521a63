"""Tocilizumab for a demonstration: real ICU stays hold none, so a dose is given by the rules, and marked as injected.

When the judgement says that a dose is due, one of the recommended amount is planned some minutes later. Everyone who
sees such a dose can tell it by its event id.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from agents.engine.patients import Judged
from monitor.guidelines.rule_ids import DOSE_DUE_RULES
from monitor.step import PatientEventType
from monitor.units import MINUTE, to_datetime, to_ms
from schemas.alerts import Alert
from schemas.events import Medication, Tick
from schemas.field_types import DISCHARGED

Plan = Callable[[PatientEventType, Callable[[], bool]], None]

PREFIX = "injected-"
# About what ordering, mixing and hanging take; a deadline of 60 min stands against it.
GIVEN_AFTER = 40 * MINUTE
INJECTED = "injected by the demonstration, not in the record"


class DoseInjector:
    """Plans doses. `watch` sees every judgement; `injected`: how many doses were given, by patient."""

    def __init__(self, plan: Plan) -> None:
        """`plan`: takes a dose, and whether it is still to be given when its time has come."""
        self.injected: Counter[str] = Counter()
        self._plan = plan
        self._gone: set[str] = set()
        self._served: dict[str, str] = {}

    def observe(self, one: Judged) -> None:
        """Gives what has become due; nobody gets a dose who has left."""
        if one.step.state.course.context.status in DISCHARGED:
            self._gone.add(one.patient_id)
            return
        self._gone.discard(one.patient_id)
        if not isinstance(one.event, Tick) and is_injected(one.event.event_id):
            self.injected[one.patient_id] += 1
        for alert in one.step.alerts:
            self.on_alert(alert)

    def on_alert(self, alert: Alert) -> None:
        """Plans the dose that an alert asks for, once for each alert."""
        if is_due(alert) and self._served.get(alert.patient_id) != alert.alert_id:
            self._served[alert.patient_id] = alert.alert_id
            self._plan(dose_for(alert), self._stays(alert.patient_id))

    def _stays(self, patient_id: str) -> Callable[[], bool]:
        """Whether a patient is still there."""
        return lambda: patient_id not in self._gone


def is_due(alert: Alert) -> bool:
    """Whether an alert asks for a dose now."""
    return alert.rule.id in DOSE_DUE_RULES and alert.status in ("raised", "updated") and alert.acknowledged_at is None


def dose_for(alert: Alert) -> Medication:
    """The dose that an alert asks for; without a weight its amount is not known, as it would not be at the bedside."""
    amount = alert.recommendation.dose_mg if alert.recommendation is not None else None
    return Medication(
        event_id=f"{PREFIX}{alert.alert_id}",
        patient_id=alert.patient_id,
        effective_at=to_datetime(to_ms(alert.raised_at) + GIVEN_AFTER),
        drug="tocilizumab",
        action="given",
        dose=amount,
        dose_unit=None if amount is None else "mg",
        route="iv",
        indication="crs",
    )


def is_injected(event_id: str | None) -> bool:
    """Whether a dose is one of the demonstration's."""
    return event_id is not None and event_id.startswith(PREFIX)
