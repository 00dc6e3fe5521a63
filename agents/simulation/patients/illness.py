"""How a simulated patient falls ill and recovers (for the simulated ward; no rule reads this)."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

SECOND_MS = 1_000
MINUTE_MS = 60 * SECOND_MS
HOUR_MS = 60 * MINUTE_MS

# What share of patients reaches which severity, roughly as published for CAR-T wards.
SEVERITIES = (0, 1, 2, 3, 4)
SEVERITY_WEIGHTS = (25, 35, 22, 12, 6)


@dataclass(slots=True)
class IllnessCourse:
    """One patient's illness: severities by the hour they begin, and what the patient is like otherwise."""

    age_years: float
    weight_kg: float
    systolic_mmhg: float
    lung: bool
    circulation: bool
    onset_ms: int
    ends_ms: int
    severities: tuple[tuple[int, int], ...]
    infection: bool
    high_risk: bool

    def severity(self, at_ms: int) -> int:
        now = 0
        for from_ms, severity in self.severities:
            if at_ms < from_ms:
                break
            now = severity
        return now


def course_of(rng: Random, admitted_ms: int) -> IllnessCourse:
    """Up in steps to a peak, down in steps again; a few have an infection besides."""
    child = rng.random() < 0.15
    age = round(rng.uniform(0.5, 17.9), 1) if child else float(rng.randint(18, 85))
    weight = round(3.5 + 3.0 * age + rng.uniform(0, 6), 1) if child else round(rng.uniform(42, 115), 1)
    peak = rng.choices(SEVERITIES, SEVERITY_WEIGHTS)[0]
    onset = admitted_ms + round(rng.expovariate(1 / 30.0) * HOUR_MS) + 30 * MINUTE_MS
    severities: list[tuple[int, int]] = []
    at = onset
    for severity in (*range(1, peak + 1), *range(peak - 1, -1, -1)):
        severities.append((at, severity))
        at += round(rng.uniform(0.3, 14 if severity else 30) * HOUR_MS)
    infection = rng.random() < 0.1
    if infection:
        severities += [(at, 1), (at + 20 * HOUR_MS, 0)]
        at += 30 * HOUR_MS
    return IllnessCourse(
        age_years=age,
        weight_kg=weight,
        systolic_mmhg=(88 + 2 * age if age <= 10 else 112) if child else rng.uniform(104, 148),
        lung=rng.random() < 0.6,
        circulation=rng.random() < 0.8,
        onset_ms=onset,
        ends_ms=at + 24 * HOUR_MS,
        severities=tuple(severities),
        infection=infection,
        high_risk=rng.random() < 0.2,
    )
