"""One patient with CRS after CAR-T cells, from a script; made up, and the same in every demonstration."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from agents.simulation.story import to_iso
from monitor.units import HOUR, MINUTE

PATIENT = "scripted-1"
WEIGHT_KG = 72

# Hours since the story began; °C, systolic and mean pressure in mmHg, SpO2 in %, heart rate. Hourly rounds.
ROUNDS = (
    (0, 36.9, 124, 88, 98, 82),
    (3, 37.3, 122, 87, 97, 88),
    (6, 38.6, 118, 84, 97, 104),
    (8, 37.4, 86, 58, 95, 118),
    (9, 37.6, 88, 60, 95, 116),
    (11, 37.9, 84, 57, 94, 120),
    (13, 38.4, 88, 61, 92, 124),
    (16, 38.1, 92, 66, 93, 116),
    (20, 37.6, 98, 70, 94, 104),
    (24, 37.2, 106, 76, 95, 96),
    (28, 36.9, 114, 82, 96, 88),
    (36, 36.8, 118, 84, 97, 84),
)
LAST_HOUR = 72

# What is done, and what else is seen: hours, minutes, event.
DONE: tuple[tuple[int, int, dict[str, Any]], ...] = (
    (6, 30, {"drug": "acetaminophen", "action": "given", "dose": 1000, "dose_unit": "mg", "route": "oral"}),
    (8, 10, {"drug": "normal saline", "action": "given", "dose": 500, "dose_unit": "mL", "indication": "hypotension"}),
    (8, 50, {"drug": "tocilizumab", "action": "given", "dose": 576, "dose_unit": "mg", "indication": "crs"}),
    (10, 30, {"drug": "dexamethasone", "action": "given", "dose": 10, "dose_unit": "mg"}),
    (11, 20, {"drug": "norepinephrine", "action": "started", "rate": 6, "rate_unit": "mcg/min"}),
    (13, 0, {"oxygen_device": "nasal_cannula", "oxygen_flow_l_per_min": 4}),
    (13, 20, {"drug": "norepinephrine", "action": "rate_changed", "rate": 24, "rate_unit": "mcg/min"}),
    (14, 0, {"oxygen_device": "high_flow_nasal_cannula", "oxygen_flow_l_per_min": 40, "fio2_fraction": 0.5}),
    (15, 0, {"ice_score": 8, "consciousness": "voice"}),
    (16, 30, {"drug": "dexamethasone", "action": "given", "dose": 10, "dose_unit": "mg"}),
    (17, 20, {"drug": "tocilizumab", "action": "given", "dose": 576, "dose_unit": "mg", "indication": "crs"}),
    (20, 0, {"drug": "norepinephrine", "action": "rate_changed", "rate": 10, "rate_unit": "mcg/min"}),
    (22, 0, {"ice_score": 10, "consciousness": "alert"}),
    (22, 30, {"drug": "dexamethasone", "action": "given", "dose": 10, "dose_unit": "mg"}),
    (24, 30, {"drug": "norepinephrine", "action": "stopped"}),
    (26, 0, {"oxygen_device": "nasal_cannula", "oxygen_flow_l_per_min": 2}),
    (32, 0, {"oxygen_device": "room_air"}),
)


def story(begins_ms: int) -> Iterator[dict[str, Any]]:
    """The events, in order of time."""
    events = [admission(begins_ms), *rounds(begins_ms)]
    for number, (hours, minutes, fields) in enumerate(DONE):
        at = begins_ms + hours * HOUR + minutes * MINUTE
        if "drug" in fields:
            events.append(event("medication", at, f"done-{number}", {"route": "iv"} | fields))
        else:
            events.append(event("vitals", at, f"seen-{number}", {"source": "charted"} | fields))
    yield from sorted(events, key=lambda one: one["effective_at"])


def admission(begins_ms: int) -> dict[str, Any]:
    """Who it is, and when the cells were given."""
    known = {"age_years": 64, "weight_kg": WEIGHT_KG, "unit": "Oncology", "bed": "7", "product": "axi-cel"}
    infused_at = to_iso(begins_ms - 40 * HOUR)
    return event("patient", begins_ms, "admitted", {"status": "admitted", "infused_at": infused_at, **known})


def rounds(begins_ms: int) -> Iterator[dict[str, Any]]:
    """A nurse's round each hour: the values of the latest row of the table; the first one also sees room air."""
    for hour in range(LAST_HOUR + 1):
        _, celsius, systolic, mean, spo2, rate = max(row for row in ROUNDS if row[0] <= hour)
        seen = {"temperature_celsius": celsius, "systolic_mmhg": systolic, "mean_arterial_mmhg": mean}
        more = {"spo2_percent": spo2, "heart_rate_per_min": rate, "source": "charted"}
        air = {"oxygen_device": "room_air"} if hour == 0 else {}
        yield event("vitals", begins_ms + hour * HOUR, f"round-{hour}", seen | more | air)


def event(kind: str, at: int, name: str, fields: dict[str, Any]) -> dict[str, Any]:
    """One event of this patient."""
    known = {"type": kind, "event_id": f"script-{name}", "patient_id": PATIENT}
    return {**known, "effective_at": to_iso(at), **fields}
