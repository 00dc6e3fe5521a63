"""One bed of a simulated ward: who lies in it, and what monitor and nurse record."""

from __future__ import annotations

from random import Random

from agents.platform.json_types import Json
from agents.simulation.patients.bed_record import BedRecord, Cadence, iso
from agents.simulation.patients.illness import HOUR_MS, MINUTE_MS, SECOND_MS, IllnessCourse, course_of
from agents.simulation.patients.treatment import Treatment

PRODUCTS = ("axi-cel", "tisa-cel", "liso-cel", "cilta-cel", "teclistamab", "epcoritamab")


class Bed:
    """One bed and its patient. `events_at` gives what is recorded now, each with its arrival time."""

    def __init__(self, rng: Random, number: int, cadence: Cadence, start_ms: int) -> None:
        self.rng = rng
        self.number = number
        self.cadence = cadence
        self.record = BedRecord(rng, number, cadence)
        self.stays = 0
        # A nurse gets round to it within about half an hour, however often the monitor sends.
        self.soon = min(1.0, cadence.vitals_every_s / 1800)
        self.next_chart_ms = start_ms
        self.discharged_ms = start_ms
        self.merge_ms: int | None = None
        self.way_out = "discharged"

    def events_at(self, at_ms: int) -> list[tuple[int, Json]]:
        self.record.begin_turn()
        if self.stays == 0 or at_ms >= self.discharged_ms:
            self.change_patient(at_ms)
        severity = self.course.severity(at_ms)
        if self.merge_ms is not None and at_ms >= self.merge_ms:
            self.merge(at_ms)
        self.monitor_vitals(at_ms, severity)
        if at_ms >= self.next_chart_ms:
            self.next_chart_ms = at_ms + round(self.cadence.charted_every_s * SECOND_MS)
            self.chart_vitals(at_ms, severity)
        if severity != self.treatment.severity:
            self.treatment.respond(at_ms, severity)
        self.treatment.treat(at_ms, severity)
        return self.record.new_entries

    # ---- who lies here

    def change_patient(self, at_ms: int) -> None:
        """Discharges the patient and admits the next; no bed stays empty."""
        rng, mishaps = self.rng, self.cadence.mishaps
        if self.stays:
            self.record.write(at_ms, {"type": "patient", "status": self.way_out})
            if self.way_out == "died":
                attributed = {"type": "patient", "status": "updated", "death_attributed_to_crs": rng.random() < 0.5}
                self.record.write(at_ms, attributed, lag_ms=40 * MINUTE_MS)
        self.stays += 1
        self.record.patient_id = f"sim-{self.number:05d}-{self.stays}"
        self.merge_ms = None
        self.course: IllnessCourse = course_of(rng, at_ms)
        peak = max((severity for _, severity in self.course.severities), default=0)
        dies = peak == 4 and rng.random() < 0.2
        self.way_out = "died" if dies else "discharged"
        self.discharged_ms = self.course.ends_ms if not dies else self.course.onset_ms + rng.randint(20, 60) * HOUR_MS
        self.feed_skew_ms = rng.randint(-90, 90) * SECOND_MS if rng.random() < mishaps.skewed_feed else 0
        self.treatment = Treatment(rng, self.record, self.course, at_ms, self.soon)
        if rng.random() < mishaps.merged:
            # Registered twice: the first day goes under a provisional id.
            self.final_id = self.record.patient_id
            self.record.patient_id += "-provisional"
            self.merge_ms = at_ms + rng.randint(2, 20) * HOUR_MS
        self.record.write(at_ms, self.admission(at_ms))

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
        self.record.write(at_ms, {"type": "patient", "status": "updated", "merged_into": self.final_id})
        self.record.patient_id, self.merge_ms = self.final_id, None
        self.record.write(at_ms, {"type": "patient", "status": "updated", "unit": f"unit-{self.number // 24 + 1}"})

    # ---- vitals

    def vitals(self, at_ms: int, severity: int) -> Json:
        """What the bedside shows: illness pushes, drugs push back, noise on top."""
        rng, course, treatment = self.rng, self.course, self.treatment
        noise = rng.random
        hot = (
            severity > 0
            and at_ms - treatment.antipyretic_ms > 4 * HOUR_MS
            and at_ms - treatment.tocilizumab_ms > 6 * HOUR_MS
        )
        systolic = course.systolic_mmhg + 16 * noise() - 8
        if course.circulation and severity >= 2:
            systolic -= (12 + 9 * severity) / (1.0 + 0.8 * len(treatment.pressors))
        spo2 = 98.5 - 4 * noise()
        if course.lung and severity >= 2 and treatment.device == "room_air":
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
        self.record.write(at_ms, vitals, lag_ms=rng.randint(0, 900), effective_ms=at_ms + ahead_ms)

    def chart_vitals(self, at_ms: int, severity: int) -> None:
        """The nurse's round: charted values, support in use, and at times the wrong patient's numbers."""
        rng, mishaps = self.rng, self.cadence.mishaps
        vitals = self.vitals(at_ms, severity) | {"source": "charted", "oxygen_device": self.treatment.device}
        if self.treatment.flow is not None and rng.random() < 0.9:
            vitals["oxygen_flow_l_per_min"] = self.treatment.flow
        if severity >= 1:
            vitals["ice_score"] = 10 if severity < 3 or rng.random() < 0.7 else rng.randint(3, 9)
            vitals["consciousness"] = "alert" if severity < 4 or rng.random() < 0.6 else "voice"
        chance = rng.random()
        if chance < mishaps.corrected:
            wrong = self.record.write(at_ms, vitals | {"systolic_mmhg": round(vitals["systolic_mmhg"] * 0.6)})
            self.record.write(at_ms, vitals | {"replaces": wrong}, lag_ms=rng.randint(5, 90) * MINUTE_MS)
        elif chance < mishaps.corrected + mishaps.voided:
            wrong = self.record.write(at_ms, vitals | {"temperature_celsius": 39.6, "oxygen_device": "non_rebreather"})
            void = {"type": "vitals", "status": "entered_in_error", "replaces": wrong}
            self.record.write(at_ms, void, lag_ms=rng.randint(5, 300) * MINUTE_MS)
        else:
            self.record.write(at_ms, vitals, lag_ms=self.record.charting_lag_ms())
