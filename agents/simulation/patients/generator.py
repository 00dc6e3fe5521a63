"""A simulated ward: patients who fall ill, are treated, recover or die, and a record kept the way real ones are.

Seeded and endless: the same generator state gives the same story. Used for load, for demonstrations and to search for
disagreements between the engine and its oracle; no patient in it is real. Yields contract events in arrival order.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random

from agents.platform.json_types import Json
from agents.simulation.patients.illness import HOUR_MS, MINUTE_MS, SECOND_MS, IllnessCourse, course_of

PRODUCTS = ("axi-cel", "tisa-cel", "liso-cel", "cilta-cel", "teclistamab", "epcoritamab")
SUPPORT_BY_SEVERITY = {
    1: (("room_air", None),),
    2: (("nasal_cannula", 2.0), ("nasal_cannula", 4.0), ("nasal_cannula", 6.0), ("blow_by", None)),
    3: (("nasal_cannula", 8.0), ("high_flow_nasal_cannula", 40.0), ("face_mask", 10.0), ("non_rebreather", 15.0)),
    4: (("bipap", None), ("cpap", None), ("invasive_ventilation", None)),
}


@dataclass(frozen=True, slots=True)
class Mishaps:
    """How often the record goes wrong: a probability per charted entry or per patient."""

    late: float = 0.08
    repeated: float = 0.01
    corrected: float = 0.01
    voided: float = 0.005
    implausible: float = 0.002
    ahead: float = 0.0005
    skewed_feed: float = 0.1
    merged: float = 0.05
    weight_missing: float = 0.1
    infusion_missing: float = 0.1


FAULTLESS = Mishaps(0, 0, 0, 0, 0, 0, 0, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Cadence:
    """How often things are recorded, and how often the record goes wrong."""

    vitals_every_s: float = 60.0
    charted_every_s: float = 3600.0
    mishaps: Mishaps = field(default_factory=Mishaps)


def ward(
    rng: Random,
    patients: int,
    start: datetime,
    *,
    duration: timedelta | None = None,
    cadence: Cadence | None = None,
) -> Iterator[Json]:
    """Contract events of a ward with that many occupied beds, in order of `received_at`; endless without `duration`."""
    cadence = cadence or Cadence()
    start_ms = round(start.timestamp() * 1000)
    until_ms = None if duration is None else start_ms + round(duration.total_seconds() * 1000)
    spread_ms = max(1, round(cadence.vitals_every_s * SECOND_MS))
    beds = [Bed(rng, number, cadence, start_ms) for number in range(patients)]
    turns = [(start_ms + number * spread_ms // max(patients, 1), number) for number in range(patients)]
    outbox: list[tuple[int, int, Json]] = []
    sequence = 0
    while turns:
        at_ms, number = turns[0]
        while outbox and outbox[0][0] <= at_ms:
            yield heapq.heappop(outbox)[2]
        if until_ms is not None and at_ms > until_ms:
            break
        heapq.heapreplace(turns, (at_ms + spread_ms, number))
        for received_ms, event in beds[number].events_at(at_ms):
            sequence += 1
            heapq.heappush(outbox, (received_ms, sequence, event))
    while outbox and (until_ms is None or outbox[0][0] <= until_ms):
        yield heapq.heappop(outbox)[2]


class Bed:
    """One bed and its patient. `events_at` gives what is recorded now, each with its arrival time."""

    def __init__(self, rng: Random, number: int, cadence: Cadence, start_ms: int) -> None:
        self.rng = rng
        self.number = number
        self.cadence = cadence
        self.stays = 0
        self.written = 0
        # A nurse gets round to it within about half an hour, however often the monitor speaks.
        self.soon = min(1.0, cadence.vitals_every_s / 1800)
        self.out: list[tuple[int, Json]] = []
        self.next_chart_ms = start_ms
        self.discharged_ms = start_ms
        self.merge_ms: int | None = None
        self.way_out = "discharged"
        self.device: str = "room_air"
        self.flow: float | None = None

    def events_at(self, at_ms: int) -> list[tuple[int, Json]]:
        self.out = []
        if self.stays == 0 or at_ms >= self.discharged_ms:
            self.change_patient(at_ms)
        severity = self.course.severity(at_ms)
        if self.merge_ms is not None and at_ms >= self.merge_ms:
            self.merge(at_ms)
        self.monitor_vitals(at_ms, severity)
        if at_ms >= self.next_chart_ms:
            self.next_chart_ms = at_ms + round(self.cadence.charted_every_s * SECOND_MS)
            self.chart_vitals(at_ms, severity)
        if severity != self.severity:
            self.respond(at_ms, severity)
        self.treat(at_ms, severity)
        return self.out

    # ---- who lies here

    def change_patient(self, at_ms: int) -> None:
        """Discharges the patient and admits the next; no bed stays empty."""
        rng, mishaps = self.rng, self.cadence.mishaps
        if self.stays:
            self.record(at_ms, {"type": "patient", "status": self.way_out})
            if self.way_out == "died":
                attributed = {"type": "patient", "status": "updated", "death_attributed_to_crs": rng.random() < 0.5}
                self.record(at_ms, attributed, lag_ms=40 * MINUTE_MS)
        self.stays += 1
        self.patient_id = f"sim-{self.number:05d}-{self.stays}"
        self.merge_ms = None
        self.course: IllnessCourse = course_of(rng, at_ms)
        peak = max((severity for _, severity in self.course.severities), default=0)
        dies = peak == 4 and rng.random() < 0.2
        self.way_out = "died" if dies else "discharged"
        self.discharged_ms = self.course.ends_ms if not dies else self.course.onset_ms + rng.randint(20, 60) * HOUR_MS
        self.feed_skew_ms = rng.randint(-90, 90) * SECOND_MS if rng.random() < mishaps.skewed_feed else 0
        self.severity = 0
        self.device, self.flow = "room_air", None
        self.pressors: dict[str, float] = {}
        self.antipyretic_ms = self.tocilizumab_ms = self.steroid_ms = at_ms - 1000 * HOUR_MS
        self.tocilizumab_due_ms: int | None = None
        self.tocilizumab_doses = 0
        if rng.random() < mishaps.merged:
            # Registered twice: the first day goes under a provisional id.
            self.final_id = self.patient_id
            self.patient_id += "-provisional"
            self.merge_ms = at_ms + rng.randint(2, 20) * HOUR_MS
        self.record(at_ms, self.admission(at_ms))

    def admission(self, at_ms: int) -> Json:
        rng, mishaps, course = self.rng, self.cadence.mishaps, self.course
        context: Json = {
            "type": "patient",
            "status": "admitted",
            "age_years": course.age_years,
            "unit": f"unit-{self.number // 24 + 1}",
            "bed": f"{self.number % 24 + 1}",
            "product": rng.choice(PRODUCTS),
            "high_risk": course.high_risk,
            "neutrophils_per_ul": float(rng.choice((40, 180, 450, 499, 500, 900, 2400))),
        }
        if rng.random() >= mishaps.weight_missing:
            context["weight_kg"] = course.weight_kg
        if rng.random() >= mishaps.infusion_missing:
            context["infused_at"] = iso(at_ms - rng.randint(0, 48) * HOUR_MS)
        if rng.random() < 0.2:
            context["baseline_systolic_mmhg"] = round(course.systolic_mmhg)
        if rng.random() < 0.08:
            context |= {"baseline_oxygen_device": "nasal_cannula", "baseline_oxygen_flow_l_per_min": 2.0}
        return context

    def merge(self, at_ms: int) -> None:
        """The provisional id turns out to be a patient already known: their stories are one."""
        self.record(at_ms, {"type": "patient", "status": "updated", "merged_into": self.final_id})
        self.patient_id, self.merge_ms = self.final_id, None
        self.record(at_ms, {"type": "patient", "status": "updated", "unit": f"unit-{self.number // 24 + 1}"})

    # ---- vitals

    def vitals(self, at_ms: int, severity: int) -> Json:
        """What the bedside shows: illness pushes, drugs push back, noise on top."""
        rng, course = self.rng, self.course
        noise = rng.random
        hot = severity > 0 and at_ms - self.antipyretic_ms > 4 * HOUR_MS and at_ms - self.tocilizumab_ms > 6 * HOUR_MS
        systolic = course.systolic_mmhg + 16 * noise() - 8
        if course.circulation and severity >= 2:
            systolic -= (12 + 9 * severity) / (1.0 + 0.8 * len(self.pressors))
        spo2 = 98.5 - 4 * noise()
        if course.lung and severity >= 2 and self.device == "room_air":
            spo2 -= 4 + 1.5 * severity
        return {
            "type": "vitals",
            "source": "monitor",
            "temperature_celsius": round((38.9 if hot else 36.9) + 0.8 * noise() - 0.4, 2),
            "heart_rate_per_min": round(74 + 12 * severity + 16 * noise()),
            "respiratory_rate_per_min": round(14 + 3 * severity + 4 * noise()),
            "systolic_mmhg": round(systolic),
            "diastolic_mmhg": round(systolic * 0.6),
            "mean_arterial_mmhg": round(systolic * 0.73),
            "spo2_percent": round(min(100.0, spo2)),
        }

    def monitor_vitals(self, at_ms: int, severity: int) -> None:
        """A monitor reading: now and then an artefact, rarely an impossible value, rarely a clock gone wild."""
        mishaps, rng = self.cadence.mishaps, self.rng
        vitals = self.vitals(at_ms, severity)
        chance = rng.random()
        if chance < 0.004:
            vitals[rng.choice(("systolic_mmhg", "spo2_percent"))] = rng.randint(40, 89)
        elif chance > 1 - mishaps.implausible:
            vitals |= rng.choice(({"temperature_celsius": 99.1}, {"mean_arterial_mmhg": 801}, {"spo2_percent": 0}))
        ahead_ms = 5 * MINUTE_MS if rng.random() < mishaps.ahead else self.feed_skew_ms
        if self.feed_skew_ms or rng.random() < 0.5:
            vitals["device_id"] = f"monitor-{self.number}"
        self.record(at_ms, vitals, lag_ms=rng.randint(0, 900), effective_ms=at_ms + ahead_ms)

    def chart_vitals(self, at_ms: int, severity: int) -> None:
        """The nurse's round: charted values, support in use, and at times the wrong patient's numbers."""
        rng, mishaps = self.rng, self.cadence.mishaps
        vitals = self.vitals(at_ms, severity) | {"source": "charted", "oxygen_device": self.device}
        if self.flow is not None and rng.random() < 0.9:
            vitals["oxygen_flow_l_per_min"] = self.flow
        if severity >= 1:
            vitals["ice_score"] = 10 if severity < 3 or rng.random() < 0.7 else rng.randint(3, 9)
            vitals["consciousness"] = "alert" if severity < 4 or rng.random() < 0.6 else "voice"
        chance = rng.random()
        if chance < mishaps.corrected:
            wrong = self.record(at_ms, vitals | {"systolic_mmhg": round(vitals["systolic_mmhg"] * 0.6)})
            self.record(at_ms, vitals | {"replaces": wrong}, lag_ms=rng.randint(5, 90) * MINUTE_MS)
        elif chance < mishaps.corrected + mishaps.voided:
            wrong = self.record(at_ms, vitals | {"temperature_celsius": 39.6, "oxygen_device": "non_rebreather"})
            void = {"type": "vitals", "status": "entered_in_error", "replaces": wrong}
            self.record(at_ms, void, lag_ms=rng.randint(5, 300) * MINUTE_MS)
        else:
            self.record(at_ms, vitals, lag_ms=self.charting_lag_ms())

    def charting_lag_ms(self) -> int:
        if self.rng.random() >= self.cadence.mishaps.late:
            return self.rng.randint(0, 4 * MINUTE_MS)
        return min(20 * HOUR_MS, round(self.rng.expovariate(1 / 2.0) * HOUR_MS))

    # ---- what the team does

    def respond(self, at_ms: int, severity: int) -> None:
        """A new severity: oxygen and pressors follow it up and down."""
        rng, course = self.rng, self.course
        worse, self.severity = severity > self.severity, severity
        if course.lung:
            self.device, self.flow = rng.choice(SUPPORT_BY_SEVERITY.get(severity, SUPPORT_BY_SEVERITY[1]))
            self.record(
                at_ms,
                {"type": "vitals", "source": "charted", "oxygen_device": self.device, "fio2_fraction": 0.21}
                | ({} if self.flow is None else {"oxygen_flow_l_per_min": self.flow}),
                lag_ms=self.charting_lag_ms(),
            )
        if course.circulation and severity >= 2 and worse:
            self.give(at_ms, rng.choice(("normal saline", "lactated ringers", "albumin")), 500, "mL", "hypotension")
        self.set_pressors(at_ms, severity if course.circulation else 0)
        if severity == 1 and worse:
            self.record(at_ms, {"type": "assessment", "kind": "infection_workup", "state": "sent"}, lag_ms=HOUR_MS)
        if severity >= 2 and worse:
            self.tocilizumab_due_ms = at_ms + rng.randint(5, 100) * MINUTE_MS
        if course.infection and severity == 1 and rng.random() < 0.5:
            unmarked = {"type": "assessment", "kind": "attribution", "axis": "fever", "attributed_to_crs": False}
            self.record(at_ms, unmarked, lag_ms=5 * MINUTE_MS)

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
            self.infusion(at_ms, drug, "stopped", None)
        for drug, rate in wanted.items():
            self.infusion(at_ms, drug, "rate_changed" if drug in self.pressors else "started", rate)
        self.pressors = wanted

    def treat(self, at_ms: int, severity: int) -> None:
        """Doses by the clock: antipyretics, tocilizumab and its repeats, steroids."""
        rng = self.rng
        if severity >= 1 and at_ms - self.antipyretic_ms > 6 * HOUR_MS and rng.random() < self.soon:
            self.antipyretic_ms = at_ms
            self.give(at_ms, rng.choice(("acetaminophen", "paracetamol", "ibuprofen")), 650, "mg", None, "oral")
        if self.tocilizumab_due_ms is not None and at_ms >= self.tocilizumab_due_ms:
            again = severity >= 2 and self.tocilizumab_doses < 4 and rng.random() < 0.7
            hours = rng.choice((7, 8, 9, 12)) if rng.random() < 0.2 else 8.2
            self.tocilizumab_due_ms = at_ms + round(hours * HOUR_MS) if again else None
            self.tocilizumab_ms, self.tocilizumab_doses = at_ms, self.tocilizumab_doses + 1
            per_kg = 12 if self.course.weight_kg < 30 else 8
            dose = min(800, round(per_kg * self.course.weight_kg)) if rng.random() < 0.95 else 900
            indication = "prophylaxis" if rng.random() < 0.05 else "crs"
            self.give(at_ms, rng.choice(("tocilizumab", "tocilizumab-aazg")), dose, "mg", indication)
        every_h = {2: 12, 3: 6, 4: 12}.get(severity)
        if (
            every_h
            and self.tocilizumab_doses
            and at_ms - self.steroid_ms >= every_h * HOUR_MS
            and rng.random() < self.soon
        ):
            self.steroid_ms = at_ms
            drug, dose = ("methylprednisolone", 1000) if severity == 4 else ("dexamethasone", 10)
            self.give(at_ms, drug, dose, "mg", "crs")

    def give(self, at_ms: int, drug: str, dose: float, unit: str, indication: str | None, route: str = "iv") -> None:
        event = {"type": "medication", "drug": drug, "action": "given", "dose": dose, "dose_unit": unit, "route": route}
        if indication:
            event["indication"] = indication
        if self.rng.random() < 0.03:
            event["action"] = self.rng.choice(("held", "not_given"))
        self.record(at_ms, event, lag_ms=self.charting_lag_ms())

    def infusion(self, at_ms: int, drug: str, action: str, rate: float | None) -> None:
        event: Json = {"type": "medication", "drug": drug, "action": action, "route": "iv"}
        if rate is not None:
            event |= {"rate": rate, "rate_unit": "units/min" if drug == "vasopressin" else "mcg/kg/min"}
        self.record(at_ms, event, lag_ms=self.charting_lag_ms())

    # ---- the record

    def record(self, at_ms: int, event: Json, *, lag_ms: int = 0, effective_ms: int | None = None) -> str:
        """Writes one entry; returns its id. Some messages come twice."""
        self.written += 1
        event = {
            **event,
            "event_id": f"{self.number}-{self.written}",
            "patient_id": self.patient_id,
            "effective_at": iso(at_ms if effective_ms is None else effective_ms),
            "received_at": iso(at_ms + lag_ms),
        }
        self.out.append((at_ms + lag_ms, event))
        if self.rng.random() < self.cadence.mishaps.repeated:
            again_ms = at_ms + lag_ms + self.rng.randint(1, 30) * MINUTE_MS
            self.out.append((again_ms, event | {"received_at": iso(again_ms)}))
        return str(event["event_id"])


def iso(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds")
