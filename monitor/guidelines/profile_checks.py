"""Checks a profile: gaps and overlaps in its tables, rules that are missing or unknown, sources that are not listed."""

from __future__ import annotations

from collections.abc import Iterator

from monitor.guidelines.model import DEVICES, UNKNOWN_DEVICE, PressureSupport, Profile
from monitor.guidelines.rule_ids import RULES

OLDEST_YEARS = 121
HEAVIEST_KG = 400.1
SUPPORT_GRADES = (1, 2, 3, 4)  # 5 is a death, and no support's
LOW_DOSE_UNITS = ("mcg/min", "mcg/kg/min")  # between which a rate can be converted


def check(profile: Profile) -> Iterator[str]:
    """Every problem of a profile, each as one line that names the table, row or rule; nothing when it is sound."""
    yield from _interval_problems(
        "hypotension.systolic", [(b.from_years, b.below_years) for b in profile.systolic], OLDEST_YEARS
    )
    yield from _interval_problems(
        "tocilizumab.by_weight", [(b.from_kg, b.below_kg) for b in profile.by_weight], HEAVIEST_KG
    )
    yield from _pressure_problems(profile)
    grades = {row.grade for row in profile.pressure_support} | {row.grade for row in profile.oxygen_support}
    for grade in sorted(grades - set(SUPPORT_GRADES)):
        yield f"support: grade {grade} is none of {SUPPORT_GRADES[0]} to {SUPPORT_GRADES[-1]}"
    for device in (*DEVICES, UNKNOWN_DEVICE):
        yield from _flow_problems(profile, device)
    for rule in sorted(RULES ^ profile.rules.keys()):
        yield f"rules: {rule} {'is missing' if rule in RULES else 'is none of ours'}"
    for key, source in {**profile.value_sources, **profile.rules}.items():
        for letter in source.partition(":")[0].partition(";")[0].split(","):
            if letter.strip() not in profile.sources:
                yield f"{key}: source '{source}' names none of {', '.join(profile.sources)}"


def _pressure_problems(profile: Profile) -> Iterator[str]:
    for vasopressors in (0, 1, 2):
        for vasopressin in (False, True):
            for dose in ("low", "other"):
                if vasopressors == 0 and not vasopressin and dose == "low":
                    continue
                rows = [r for r in profile.pressure_support if _matches(r, vasopressors, vasopressin, dose)]
                if len(rows) != 1:
                    what = "gap" if not rows else "overlap"
                    place = f"vasopressors={vasopressors}, vasopressin={vasopressin}, dose={dose}"
                    yield f"hypotension.support: {what} at {place}"
    for limit in profile.low_dose.values():
        if limit.unit not in LOW_DOSE_UNITS:
            yield f"hypotension.low_dose: {limit.drug}: unit '{limit.unit}' is none of {', '.join(LOW_DOSE_UNITS)}"


def _matches(row: PressureSupport, vasopressors: int, vasopressin: bool, dose: str) -> bool:
    return row.vasopressors == vasopressors and row.vasopressin == vasopressin and row.dose in ("any", dose)


def _interval_problems(place: str, intervals: list[tuple[float, float]], to: float) -> Iterator[str]:
    at = 0.0
    for start, end in sorted(intervals):
        if start > at:
            yield f"{place}: gap from {at:g} to {start:g}"
        if start < at:
            yield f"{place}: overlap from {start:g} to {at:g}"
        at = max(at, end)
    if at < to:
        yield f"{place}: gap from {at:g}"


def _flow_problems(profile: Profile, device: str) -> Iterator[str]:
    rows = [r for r in profile.oxygen_support if device in r.devices]
    kinds = sorted(r.flow for r in rows)
    if kinds == ["any"]:
        return
    place = f"hypoxia.support: device {device}"
    if kinds == ["over", "up_to"]:
        upper = next(r.limit_l_per_min for r in rows if r.flow == "up_to")
        lower = next(r.limit_l_per_min for r in rows if r.flow == "over")
        if upper is None or lower is None:
            yield f"{place}: limit_l_per_min is missing"
        elif upper < lower:
            yield f"{place}: gap in flow from {upper} to {lower} L/min"
        elif upper > lower:
            yield f"{place}: overlap in flow from {lower} to {upper} L/min"
        return
    yield f"{place}: {'gap' if not {'any', 'over', 'up_to'} & set(kinds) or len(kinds) < 2 else 'overlap'} in its flows"
