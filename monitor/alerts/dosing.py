"""Tocilizumab: how much, how often, and what stands against the next dose."""

from __future__ import annotations

from typing import NamedTuple

from monitor.guidelines.model import Profile
from monitor.model import Course, Dose
from monitor.units.rounding import to_tenths
from schemas.state import BlockedBy

PROPHYLAXIS = "prophylaxis"


class Dosing(NamedTuple):
    """Where tocilizumab stands at an instant."""

    count_24h: int
    count_total: int
    last_at: int | None
    next_eligible_at: int | None
    blocked_by: BlockedBy | None
    counted: tuple[Dose, ...]  # the doses of this episode


def tocilizumab(profile: Profile, course: Course, at: int) -> Dosing:
    """Counts, limits and the next possible time, at an instant."""
    doses = [d for d in course.doses if d.role == "tocilizumab" and d.at <= at]
    lately = [d for d in doses if at < d.at + profile.dose_window]
    counted = tuple(d for d in doses if counts(course, d))
    last_at = doses[-1].at if doses else None
    waits = []
    blocked_by: BlockedBy | None = None
    if last_at is not None and at < last_at + profile.dose_interval:
        waits.append(last_at + profile.dose_interval)
        blocked_by = "interval"
    if len(lately) >= profile.maximum_in_window:
        waits.append(lately[-profile.maximum_in_window].at + profile.dose_window)
        blocked_by = "limit_24h"
    if len(counted) >= profile.maximum_in_episode:
        return Dosing(len(lately), len(counted), last_at, None, "limit_total", counted)
    return Dosing(len(lately), len(counted), last_at, max(waits, default=None), blocked_by, counted)


def counts(course: Course, dose: Dose) -> bool:
    """Whether a dose counts toward the limit of the episode: not prophylaxis, and not of an earlier episode."""
    return dose.indication != PROPHYLAXIS and dose.at >= course.episode.counts_from


def dose_mg(profile: Profile, weight_kg: float | None) -> tuple[float | None, str]:
    """The weight-based dose in mg (None: weight unknown), and how it was worked out."""
    tenths = None if weight_kg is None else to_tenths(weight_kg)
    for band in profile.by_weight:
        if weight_kg is not None and tenths is not None and band.from_kg * 10 <= tenths < band.below_kg * 10:
            dose = min(round(band.mg_per_kg * weight_kg, 1), profile.maximum_mg)
            return dose, f"{band.mg_per_kg} mg/kg at {weight_kg:g} kg, at most {profile.maximum_mg:g} mg"
    bands = "; ".join(f"{b.mg_per_kg} mg/kg from {b.from_kg:g} kg" for b in profile.by_weight)
    return None, f"weight not known: {bands}; at most {profile.maximum_mg:g} mg"


def weight_of(course: Course, dose: Dose) -> float | None:
    """The weight that a dose is held against, kg: as it was then; where it was not known then, as it is now."""
    return course.context.weight_kg if dose.weight_kg is None else dose.weight_kg


def dangers(profile: Profile, course: Course, dose: Dose) -> tuple[str, ...]:
    """What is unsafe about a dose that was charted."""
    earlier = [d for d in course.doses if d.role == "tocilizumab" and (d.at, d.event_id) < (dose.at, dose.event_id)]
    found = []
    if earlier and dose.at - earlier[-1].at < profile.dose_interval:
        found.append("interval")
    if sum(dose.at < d.at + profile.dose_window for d in earlier) >= profile.maximum_in_window:
        found.append("limit_24h")
    if counts(course, dose) and sum(counts(course, d) for d in earlier) >= profile.maximum_in_episode:
        found.append("limit_total")
    if dose.dose_mg is not None:
        if dose.dose_mg > profile.maximum_mg:
            found.append("maximum_dose")
        by_weight, _ = dose_mg(profile, weight_of(course, dose))
        if by_weight is not None and dose.dose_mg * 100 > by_weight * profile.overdose_percent + 1e-6:
            found.append("weight_based_dose")
    return tuple(found)
