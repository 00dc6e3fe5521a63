"""What is kept of one patient for the picture: curves, supports, grades, doses and alerts; bounded, however long."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from agents.report.series import Series, Steps
from monitor.model import Context
from monitor.units.instants import LONG_AGO
from schemas.alert_kinds import PRIORITY_RANK
from schemas.alerts import Alert

SIGNALS = ("temperature_celsius", "systolic_mmhg", "mean_arterial_mmhg", "spo2_percent")
ALERTS_KEPT = 250
DOSES_KEPT = 500


class Graded(NamedTuple):
    """A grade, and what was missing when it was given: with anything missing it is a floor."""

    grade: int
    unknown: tuple[str, ...]
    basis: str


class OxygenSupport(NamedTuple):
    """Oxygen support. None: not known."""

    device: str | None
    flow_l_per_min: float | None
    fio2_fraction: float | None


class InfusionState(NamedTuple):
    """An infusion; off when it does not run, rate None when that is not known."""

    on: bool
    rate: float | None
    unit: str | None


class GivenDose(NamedTuple):
    """A dose."""

    at: int
    drug: str
    role: str
    dose_mg: float | None
    injected: bool


@dataclass(slots=True)
class AlertLife:
    """One alert: as it was first raised, as it last stood, and how it ended."""

    first: Alert
    latest: Alert
    ended: Alert | None = None

    @property
    def urgency(self) -> int:
        """How loud it was at its loudest known."""
        return max(PRIORITY_RANK[self.first.priority], PRIORITY_RANK[self.latest.priority])


@dataclass(slots=True)
class Chart:
    """One patient. `number` is the place in the report; it stands in links, because an id must not. Times in ms."""

    patient_id: str
    number: int
    signals: dict[str, Series] = field(default_factory=lambda: {name: Series() for name in SIGNALS})
    oxygen: Steps[OxygenSupport] = field(default_factory=lambda: Steps(lambda one: one.flow_l_per_min or 0))
    infusions: dict[str, Steps[InfusionState]] = field(default_factory=dict)
    grades: Steps[Graded] = field(default_factory=lambda: Steps(lambda one: one.grade))
    astct: Steps[Graded] = field(default_factory=lambda: Steps(lambda one: one.grade))
    doses: dict[tuple[str, str], GivenDose] = field(default_factory=dict)
    alerts: dict[str, AlertLife] = field(default_factory=dict)
    alerts_dropped: int = 0
    context: Context = field(default_factory=Context)
    sbp_below: int = 0
    map_below: int = 0
    unknown: tuple[str, ...] = ()
    highest_temperature_celsius: float | None = None
    merged_into: str | None = None
    first_at: int = -LONG_AGO
    last_at: int = LONG_AGO

    def add_alert(self, alert: Alert) -> None:
        """One version of an alert."""
        life = self.alerts.get(alert.alert_id)
        if life is None:
            if alert.status == "raised":
                self._make_room()
                self.alerts[alert.alert_id] = AlertLife(alert, alert)
        elif alert.status in ("resolved", "retracted"):
            life.ended = alert
        else:
            life.latest = alert

    def add_dose(self, event_id: str, dose: GivenDose) -> None:
        """One dose; of too many the oldest go."""
        self.doses[event_id, dose.drug] = dose
        if len(self.doses) > DOSES_KEPT:
            del self.doses[min(self.doses, key=lambda key: self.doses[key].at)]

    def _make_room(self) -> None:
        """Of too many alerts, the quietest and oldest that are over go, and are counted."""
        if len(self.alerts) < ALERTS_KEPT:
            return
        over = [name for name, life in self.alerts.items() if life.ended is not None] or list(self.alerts)
        del self.alerts[min(over, key=lambda name: (self.alerts[name].urgency, self.alerts[name].first.raised_at))]
        self.alerts_dropped += 1
