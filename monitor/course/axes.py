"""Grades the two axes: hypotension by the treatment that holds the pressure, hypoxia by the oxygen support in use."""

from __future__ import annotations

from math import ceil

from monitor.guidelines.model import UNKNOWN_DEVICE, LowDose, Profile
from monitor.guidelines.oxygen_ladder import DEVICE_RANK, device_rank
from monitor.model import Attributed, Context, Course, Infusion, Oxygen, Signal
from monitor.units import to_integer

NOTHING: tuple[str, ...] = ()


def pressure_limits(profile: Profile, context: Context) -> tuple[int, int]:
    """Systolic and mean arterial pressure below which this patient is hypotensive, mmHg (0: not used)."""
    age = None if context.age_years is None else int(context.age_years)
    years = profile.mean_arterial_from_years if age is None else age
    band = next(b for b in profile.systolic if b.from_years <= years < b.below_years)
    systolic = band.base_mmhg + band.per_year_mmhg * years
    if years < profile.mean_arterial_from_years:
        return systolic, 0
    if context.baseline_systolic_mmhg is not None:
        share = ceil(profile.baseline_below_percent * to_integer(context.baseline_systolic_mmhg) / 100)
        systolic = max(systolic, min(share, profile.baseline_below))
    return systolic, profile.mean_arterial_below


def is_low(signal: Signal, below: int) -> bool:
    """Whether the value that counts is below a limit."""
    return signal.counted is not None and signal.counted.value < below


def worse_grade(course: Course) -> int:
    """The grade of the worse axis, without those that a clinician attributed elsewhere; 1 without any sign or data."""
    return worse(course.attributed, course.hypotension.grade, course.hypoxia.grade)


def worse(attributed: Attributed, hypotension: int | None, hypoxia: int | None) -> int:
    """The higher of two grades, without those of axes that a clinician attributed elsewhere; 1 without any."""
    counted = ((hypotension, attributed.hypotension), (hypoxia, attributed.hypoxia))
    return max((grade or 1 for grade, is_crs in counted if is_crs is not False), default=1)


def hypotension(profile: Profile, course: Course, at: int) -> tuple[int | None, tuple[str, ...]]:
    """The grade of the hypotension axis at an instant, and what was missing; None: no data."""
    vasopressors = [i for i in course.infusions if i.role == "vasopressor"]
    vasopressin = any(i.role == "vasopressin" for i in course.infusions)
    low = is_low(course.sbp, course.sbp_below) or is_low(course.map, course.map_below)
    treated = course.treated is not None and at < course.treated.at + profile.treated_for
    if not (vasopressors or vasopressin or low or treated):
        known = course.sbp.counted is not None or course.map.counted is not None
        return (1, ()) if known else (None, ("hypotension",))
    dose, unknown = "other", NOTHING
    if len(vasopressors) == 1 and not vasopressin:
        dose, unknown = dose_of(profile, vasopressors[0], course.context.weight_kg)
    count = min(len(vasopressors), 2)
    for row in profile.pressure_support:
        if row.vasopressors == count and row.vasopressin == vasopressin and row.dose in (dose, "any"):
            return row.grade, unknown
    raise AssertionError("the support table has no gap: load() refuses it")


def dose_of(profile: Profile, infusion: Infusion, weight_kg: float | None) -> tuple[str, tuple[str, ...]]:
    """`low` or `other` for the dose of a single vasopressor, and what was missing to decide it."""
    limit = profile.low_dose.get(infusion.drug)
    if limit is None:
        return "other", ()
    rate = rate_in(limit, infusion, weight_kg)
    if rate is None:
        per_kg = infusion.rate is not None and infusion.rate_unit == "mcg/kg/min"
        return "other", ("weight_kg",) if per_kg else ("vasopressor_dose",)
    return ("low" if to_integer(rate) < limit.below else "other"), ()


def rate_in(limit: LowDose, infusion: Infusion, weight_kg: float | None) -> float | None:
    """The rate in the unit of the limit; None where it cannot be converted."""
    rate, unit = infusion.rate, infusion.rate_unit
    if rate is None:
        return None
    if unit == "mg/h":
        rate, unit = rate * 1000 / 60, "mcg/min"
    if unit == limit.unit:
        return rate
    if weight_kg is None or unit not in ("mcg/min", "mcg/kg/min"):
        return None
    return rate * weight_kg if limit.unit == "mcg/min" else rate / weight_kg


def hypoxia(profile: Profile, course: Course) -> tuple[int | None, tuple[str, ...]]:
    """The grade of the hypoxia axis, and what was missing; None: no data."""
    oxygen = course.oxygen
    saturated = course.spo2.counted is not None
    # An oxygen fraction, or no flow, of an unknown device says nothing about the support.
    if not saturated and (oxygen is None or (oxygen.device is None and not oxygen.flow)):
        return None, ("hypoxia",)
    grade, unknown = support_grade(profile, oxygen, course.context)
    if grade <= 1 and not saturated:
        unknown = (*unknown, "spo2_percent")
    if grade <= 1 and is_low(course.spo2, profile.spo2_below):
        grade = profile.low_spo2_grade
    return grade, unknown


def support_grade(profile: Profile, oxygen: Oxygen | None, context: Context) -> tuple[int, tuple[str, ...]]:
    """The grade of the oxygen support above the patient's baseline, and what was missing."""
    if oxygen is None or (oxygen.device is None and not oxygen.flow):
        return 1, ("oxygen_device",)
    # A device that only a newer build knows is graded like one that was not named.
    known = oxygen.device in DEVICE_RANK
    unknown = () if known else ("oxygen_device",)
    if at_baseline(oxygen, context):
        return 1, unknown
    device = oxygen.device if known else UNKNOWN_DEVICE
    for row in profile.oxygen_support:
        if device in row.devices:
            if row.flow == "any":
                return row.grade, unknown
            limit = row.limit_l_per_min or 0
            over = oxygen.flow is not None and to_integer(oxygen.flow) > limit
            if over == (row.flow == "over"):
                return row.grade, unknown if oxygen.flow is not None else (*unknown, "oxygen_flow")
    raise AssertionError("the support table has no gap: load() refuses it")


def at_baseline(oxygen: Oxygen, context: Context) -> bool:
    """Whether the support is no more than what the patient always has."""
    usual = context.baseline_oxygen_device
    if usual is None or oxygen.device is None:
        return False
    if oxygen.device != usual:
        return usual in DEVICE_RANK and device_rank(oxygen.device) < DEVICE_RANK[usual]
    usual_flow = context.baseline_oxygen_flow_l_per_min
    if usual_flow is None or oxygen.flow is None:
        # A device without flows (a mask, a ventilator) is its own baseline; an unknown flow may be above it.
        return usual_flow is None and oxygen.flow is None
    return oxygen.flow <= usual_flow
