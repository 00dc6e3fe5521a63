"""What the team does for a simulated patient: oxygen, vasopressors, antipyretics, tocilizumab, steroids."""

from __future__ import annotations

from random import Random

from agents.simulation.patients.bed_record import BedRecord
from agents.simulation.patients.illness import HOUR_MS, MINUTE_MS, IllnessCourse

SUPPORT_BY_SEVERITY = {
    1: (("room_air", None),),
    2: (("nasal_cannula", 2.0), ("nasal_cannula", 4.0), ("nasal_cannula", 6.0), ("blow_by", None)),
    3: (("nasal_cannula", 8.0), ("high_flow_nasal_cannula", 40.0), ("face_mask", 10.0), ("non_rebreather", 15.0)),
    4: (("bipap", None), ("cpap", None), ("invasive_ventilation", None)),
}


class Treatment:
    """The treatment of one stay. `soon`: the chance that a dose that is due is given at this turn."""

    def __init__(self, rng: Random, record: BedRecord, course: IllnessCourse, at_ms: int, soon: float) -> None:
        self.rng = rng
        self.record = record
        self.course = course
        self.soon = soon
        self.severity = 0
        self.device: str = "room_air"
        self.flow: float | None = None
        self.pressors: dict[str, float] = {}
        self.antipyretic_ms = self.tocilizumab_ms = self.steroid_ms = at_ms - 1000 * HOUR_MS
        self.tocilizumab_due_ms: int | None = None
        self.tocilizumab_doses = 0

    def respond(self, at_ms: int, severity: int) -> None:
        """A new severity: oxygen and pressors follow it up and down."""
        rng, course = self.rng, self.course
        worse, self.severity = severity > self.severity, severity
        if course.lung:
            self.device, self.flow = rng.choice(SUPPORT_BY_SEVERITY.get(severity, SUPPORT_BY_SEVERITY[1]))
            self.record.write(
                at_ms,
                {"type": "vitals", "source": "charted", "oxygen_device": self.device, "fio2_fraction": 0.21}
                | ({} if self.flow is None else {"oxygen_flow_l_per_min": self.flow}),
                lag_ms=self.record.charting_lag_ms(),
            )
        if course.circulation and severity >= 2 and worse:
            self.record.give(
                at_ms, rng.choice(("normal saline", "lactated ringers", "albumin")), 500, "mL", "hypotension"
            )
        self.set_pressors(at_ms, severity if course.circulation else 0)
        if severity == 1 and worse:
            self.record.write(
                at_ms, {"type": "assessment", "kind": "infection_workup", "state": "sent"}, lag_ms=HOUR_MS
            )
        if severity >= 2 and worse:
            self.tocilizumab_due_ms = at_ms + rng.randint(5, 100) * MINUTE_MS
        if course.infection and severity == 1 and rng.random() < 0.5:
            unmarked = {"type": "assessment", "kind": "attribution", "axis": "fever", "attributed_to_crs": False}
            self.record.write(at_ms, unmarked, lag_ms=5 * MINUTE_MS)

    def set_pressors(self, at_ms: int, severity: int) -> None:
        rng = self.rng
        wanted: dict[str, float] = {}
        if severity == 2 and rng.random() < 0.4:
            wanted = {"norepinephrine": round(rng.uniform(0.02, 0.12), 2)}
        elif severity == 3:
            wanted = {"norepinephrine": round(rng.uniform(0.15, 0.6), 2)}
            wanted |= {"vasopressin": 0.03} if rng.random() < 0.3 else {}
        elif severity == 4:
            wanted = {
                "norepinephrine": round(rng.uniform(0.4, 1.2), 2),
                "epinephrine": round(rng.uniform(0.05, 0.4), 2),
            }
            wanted |= {"dobutamine": 5.0} if rng.random() < 0.2 else {}
        for drug in sorted(self.pressors.keys() - wanted.keys()):
            self.record.infusion(at_ms, drug, "stopped", None)
        for drug, rate in wanted.items():
            self.record.infusion(at_ms, drug, "rate_changed" if drug in self.pressors else "started", rate)
        self.pressors = wanted

    def treat(self, at_ms: int, severity: int) -> None:
        """Doses by the clock: antipyretics, tocilizumab and its repeats, steroids."""
        rng = self.rng
        if severity >= 1 and at_ms - self.antipyretic_ms > 6 * HOUR_MS and rng.random() < self.soon:
            self.antipyretic_ms = at_ms
            self.record.give(at_ms, rng.choice(("acetaminophen", "paracetamol", "ibuprofen")), 650, "mg", None, "oral")
        if self.tocilizumab_due_ms is not None and at_ms >= self.tocilizumab_due_ms:
            again = severity >= 2 and self.tocilizumab_doses < 4 and rng.random() < 0.7
            hours = rng.choice((7, 8, 9, 12)) if rng.random() < 0.2 else 8.2
            self.tocilizumab_due_ms = at_ms + round(hours * HOUR_MS) if again else None
            self.tocilizumab_ms, self.tocilizumab_doses = at_ms, self.tocilizumab_doses + 1
            per_kg = 12 if self.course.weight_kg < 30 else 8
            dose = min(800, round(per_kg * self.course.weight_kg)) if rng.random() < 0.95 else 900
            indication = "prophylaxis" if rng.random() < 0.05 else "crs"
            self.record.give(at_ms, rng.choice(("tocilizumab", "tocilizumab-aazg")), dose, "mg", indication)
        every_h = {2: 12, 3: 6, 4: 12}.get(severity)
        if (
            every_h
            and self.tocilizumab_doses
            and at_ms - self.steroid_ms >= every_h * HOUR_MS
            and rng.random() < self.soon
        ):
            self.steroid_ms = at_ms
            drug, dose = ("methylprednisolone", 1000) if severity == 4 else ("dexamethasone", 10)
            self.record.give(at_ms, drug, dose, "mg", "crs")
