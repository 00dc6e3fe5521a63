"""What the report keeps of one patient: readings, supports, grades, doses and alerts, in bounded memory."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from agents.report.series import Series, Steps
from monitor.model import Context
from monitor.units import LONG_AGO
from schemas.alert_kinds import PRIORITY_RANK
from schemas.alerts import Alert
from schemas.state import SCALES

SIGNALS = ("temperature_celsius", "systolic_mmhg", "mean_arterial_mmhg", "spo2_percent")
ALERTS_KEPT = 250
DOSES_KEPT = 500


class Graded(NamedTuple):
    """A grade, what was unknown then (with anything unknown it is a floor), and the basis of the grade."""

    grade: int
    unknown: tuple[str, ...]
    basis: str


class OxygenSupport(NamedTuple):
    """Oxygen support. None: unknown."""

    device: str | None
    flow_l_per_min: float | None
    fio2_fraction: float | None


class InfusionState(NamedTuple):
    """Whether an infusion runs, and its rate; None: unknown."""

    on: bool
    rate: float | None
    unit: str | None


class GivenDose(NamedTuple):
    """A dose that was given. `at`: bedside time in ms; `injected`: added by the demonstration."""

    at: int
    drug: str
    role: str
    dose_mg: float | None
    injected: bool


@dataclass(slots=True)
class AlertLife:
    """One alert: its first version, its latest open version, and the version that ended it."""

    first: Alert
    latest: Alert
    ended: Alert | None = None

    @property
    def urgency(self) -> int:
        """The higher rank of its first and its latest priority."""
        return max(PRIORITY_RANK[self.first.priority], PRIORITY_RANK[self.latest.priority])


@dataclass(slots=True)
class Chart:
    """One patient. `number` names the patient in links, which must not contain an id. Times in ms (bedside clock)."""

    patient_id: str
    number: int
    signals: dict[str, Series] = field(default_factory=lambda: {name: Series() for name in SIGNALS})
    oxygen: Steps[OxygenSupport] = field(default_factory=lambda: Steps(lambda one: one.flow_l_per_min or 0))
    infusions: dict[str, Steps[InfusionState]] = field(default_factory=dict)
    grades: dict[str, Steps[Graded]] = field(  # by scale, the one in force first
        default_factory=lambda: {scale.name: Steps(lambda one: one.grade) for scale in SCALES}
    )
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

    @property
    def crs_grades(self) -> Steps[Graded]:
        """The grades by the profile in force."""
        return self.grades[SCALES[0].name]

    def add_alert(self, alert: Alert) -> None:
        """Adds one version of an alert."""
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
        """Adds one dose; when there are too many, the oldest is dropped."""
        self.doses[event_id, dose.drug] = dose
        if len(self.doses) > DOSES_KEPT:
            del self.doses[min(self.doses, key=lambda key: self.doses[key].at)]

    def _make_room(self) -> None:
        """When there are too many alerts, drops and counts one: ended before open, low priority before high, oldest."""
        if len(self.alerts) < ALERTS_KEPT:
            return
        over = [name for name, life in self.alerts.items() if life.ended is not None] or list(self.alerts)
        del self.alerts[min(over, key=lambda name: (self.alerts[name].urgency, self.alerts[name].first.raised_at))]
        self.alerts_dropped += 1
