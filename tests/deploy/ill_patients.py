"""Patients who fall ill now, each one grade worse than the one before, so that a short run shows every grade."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from schemas.topics import MEDICATIONS, PATIENTS, VITALS, TopicSpec

FeedMessage = tuple[TopicSpec, dict[str, Any]]
UNITS = ("Haematology", "ICU")
# Charted oxygen support counts at once; these four give the grades 1 to 4.
SUPPORT = (
    {"oxygen_device": "room_air", "spo2_percent": 96},
    {"oxygen_device": "nasal_cannula", "oxygen_flow_l_per_min": 4, "spo2_percent": 93},
    {"oxygen_device": "face_mask", "oxygen_flow_l_per_min": 10, "spo2_percent": 91},
    {"oxygen_device": "bipap", "spo2_percent": 90},
)
WORST = len(SUPPORT)


def patients() -> Iterator[list[FeedMessage]]:
    """One patient after another: admitted, feverish, then worse; each reaches one grade more, 1 to 4, then again."""
    for number in count():
        yield list(story(f"ill-patient-{number:04d}", UNITS[number % 2], number % WORST))


def story(patient_id: str, unit: str, worst: int) -> Iterator[FeedMessage]:
    """The messages about one patient in bedside order, one a second; the last is true now."""
    steps = worst + 4
    times = (datetime.now(UTC) - timedelta(seconds=steps - step) for step in count())
    numbers = count(1)

    def message(topic: TopicSpec, **fields: Any) -> FeedMessage:
        name = {"event_id": f"{patient_id}-{next(numbers)}", "patient_id": patient_id}
        return topic, name | {"effective_at": next(times).isoformat()} | fields

    yesterday = (datetime.now(UTC) - timedelta(days=1)).isoformat()
    stay = {"unit": unit, "bed": patient_id[-2:], "weight_kg": 70, "age_years": 50, "product": "axi-cel"}
    yield message(PATIENTS, status="admitted", infused_at=yesterday, **stay)
    yield message(
        VITALS, source="charted", temperature_celsius=38.9, heart_rate_per_min=118, respiratory_rate_per_min=22
    )
    yield message(VITALS, source="charted", systolic_mmhg=104, diastolic_mmhg=62, mean_arterial_mmhg=76)
    for support in SUPPORT[: worst + 1]:
        yield message(VITALS, source="charted", **support)
    if worst:
        yield message(MEDICATIONS, drug="tocilizumab", action="given", dose=560, dose_unit="mg", route="iv")
