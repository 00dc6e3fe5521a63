"""The record that a ward keeps of one bed: entries that come late, twice, corrected or wrong, as real ones do."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random

from agents.platform.json_types import Json
from agents.simulation.patients.illness import HOUR_MS, MINUTE_MS


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


class BedRecord:
    """Entries about the patient of one bed. `new_entries`: those of this turn, each with its arrival time (ms)."""

    def __init__(self, rng: Random, number: int, cadence: Cadence) -> None:
        self.rng = rng
        self.number = number
        self.cadence = cadence
        self.patient_id = ""
        self.written = 0
        self.new_entries: list[tuple[int, Json]] = []

    def begin_turn(self) -> None:
        self.new_entries = []

    def write(self, at_ms: int, event: Json, *, lag_ms: int = 0, effective_ms: int | None = None) -> str:
        """Writes one entry; returns its id. Some messages come twice."""
        self.written += 1
        event = {
            **event,
            "event_id": f"{self.number}-{self.written}",
            "patient_id": self.patient_id,
            "effective_at": iso(at_ms if effective_ms is None else effective_ms),
            "received_at": iso(at_ms + lag_ms),
        }
        self.new_entries.append((at_ms + lag_ms, event))
        if self.rng.random() < self.cadence.mishaps.repeated:
            again_ms = at_ms + lag_ms + self.rng.randint(1, 30) * MINUTE_MS
            self.new_entries.append((again_ms, event | {"received_at": iso(again_ms)}))
        return str(event["event_id"])

    def give(self, at_ms: int, drug: str, dose: float, unit: str, indication: str | None, route: str = "iv") -> None:
        event = {"type": "medication", "drug": drug, "action": "given", "dose": dose, "dose_unit": unit, "route": route}
        if indication:
            event["indication"] = indication
        if self.rng.random() < 0.03:
            event["action"] = self.rng.choice(("held", "not_given"))
        self.write(at_ms, event, lag_ms=self.charting_lag_ms())

    def infusion(self, at_ms: int, drug: str, action: str, rate: float | None) -> None:
        event: Json = {"type": "medication", "drug": drug, "action": action, "route": "iv"}
        if rate is not None:
            event |= {"rate": rate, "rate_unit": "units/min" if drug == "vasopressin" else "mcg/kg/min"}
        self.write(at_ms, event, lag_ms=self.charting_lag_ms())

    def charting_lag_ms(self) -> int:
        if self.rng.random() >= self.cadence.mishaps.late:
            return self.rng.randint(0, 4 * MINUTE_MS)
        return min(20 * HOUR_MS, round(self.rng.expovariate(1 / 2.0) * HOUR_MS))


def iso(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds")
