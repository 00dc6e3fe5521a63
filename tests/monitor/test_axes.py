"""The two axes by themselves: a vasopressor's dose in the unit of its limit, oxygen above the patient's usual."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from monitor.course import axes
from monitor.guidelines.in_force import load
from monitor.model import Attributed, Context, Course, Infusion, Oxygen, Reading, Signal
from monitor.units import LONG_AGO

PROFILE = load().profile
WEIGHT_KG = 80.0


def infusion(drug: str, rate: float | None, unit: Any, role: str = "vasopressor") -> Infusion:
    return Infusion(drug, role, rate, unit, LONG_AGO, LONG_AGO, "e1")


def oxygen(device: Any = None, flow: float | None = None) -> Oxygen:
    return Oxygen(device, flow, None, LONG_AGO, LONG_AGO, "e1")


def signal(value: int) -> Signal:
    return Signal(Reading(value, LONG_AGO, "e1"))


# ---- pressure ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("unit", "rate", "weight_kg", "expected"),
    [
        ("mcg/min", 12.0, None, 12.0),
        ("mcg/min", 12.0, WEIGHT_KG, 12.0),
        ("mg/h", 1.2, None, 20.0),
        ("mcg/kg/min", 0.2, WEIGHT_KG, 16.0),
        ("mcg/kg/min", 0.2, None, None),
        ("mcg/min", None, WEIGHT_KG, None),
        (None, 12.0, WEIGHT_KG, None),
        ("units/min", 12.0, WEIGHT_KG, None),
    ],
)
def test_a_rate_in_mcg_a_minute(unit: Any, rate: float | None, weight_kg: float | None, expected: float | None) -> None:
    limit = PROFILE.low_dose["norepinephrine"]
    assert axes.rate_in(limit, infusion("norepinephrine", rate, unit), weight_kg) == expected


@pytest.mark.parametrize(
    ("unit", "rate", "weight_kg", "expected"),
    [
        ("mcg/kg/min", 8.0, None, 8.0),
        ("mcg/min", 800.0, WEIGHT_KG, 10.0),
        ("mg/h", 48.0, WEIGHT_KG, 10.0),
        ("mcg/min", 800.0, None, None),
        ("mg/h", 48.0, None, None),
        ("units/min", 8.0, WEIGHT_KG, None),
    ],
)
def test_a_rate_in_mcg_a_kg_and_minute(unit: Any, rate: float, weight_kg: float | None, expected: float | None) -> None:
    limit = PROFILE.low_dose["dopamine"]
    assert axes.rate_in(limit, infusion("dopamine", rate, unit), weight_kg) == expected


@pytest.mark.parametrize(
    ("drug", "rate", "unit", "weight_kg", "dose", "missing"),
    [
        ("norepinephrine", 19.0, "mcg/min", None, "low", ()),
        ("norepinephrine", 20.0, "mcg/min", None, "other", ()),
        ("norepinephrine", 1.14, "mg/h", None, "low", ()),
        ("norepinephrine", 1.2, "mg/h", None, "other", ()),
        ("norepinephrine", 0.2, "mcg/kg/min", None, "other", ("weight_kg",)),
        ("norepinephrine", None, "mcg/kg/min", None, "other", ("vasopressor_dose",)),
        ("norepinephrine", None, "mcg/kg/min", WEIGHT_KG, "other", ("vasopressor_dose",)),
        ("norepinephrine", 12.0, "units/min", None, "other", ("vasopressor_dose",)),
        ("norepinephrine", 12.0, "units/min", WEIGHT_KG, "other", ("vasopressor_dose",)),
        ("norepinephrine", 12.0, None, None, "other", ("vasopressor_dose",)),
        ("dopamine", 9.0, "mcg/kg/min", None, "low", ()),
        ("dopamine", 10.0, "mcg/kg/min", None, "other", ()),
        ("dopamine", 800.0, "mcg/min", None, "other", ("vasopressor_dose",)),
        ("milrinone", 1.0, "mcg/kg/min", None, "other", ()),
    ],
)
def test_a_single_vasopressor_is_low_below_its_limit(
    drug: str, rate: float | None, unit: Any, weight_kg: float | None, dose: str, missing: tuple[str, ...]
) -> None:
    assert axes.dose_of(PROFILE, infusion(drug, rate, unit), weight_kg) == (dose, missing)


LOW = infusion("norepinephrine", 5.0, "mcg/min")
PRESSIN = infusion("vasopressin", 0.03, "units/min", "vasopressin")


@pytest.mark.parametrize(
    ("running", "grade"),
    [
        ((LOW,), 2),
        ((infusion("norepinephrine", 30.0, "mcg/min"),), 3),
        ((PRESSIN,), 3),
        ((LOW, PRESSIN), 3),
        ((infusion("norepinephrine", 0.1, "mcg/kg/min"), PRESSIN), 3),  # whose dose then does not matter
        ((LOW, infusion("epinephrine", 2.0, "mcg/min")), 4),
        ((LOW, infusion("epinephrine", 2.0, "mcg/min"), infusion("phenylephrine", 50.0, "mcg/min")), 4),
    ],
)
def test_what_holds_the_pressure_grades_it(running: tuple[Infusion, ...], grade: int) -> None:
    assert axes.hypotension(PROFILE, Course(infusions=running), LONG_AGO) == (grade, ())


@pytest.mark.parametrize(
    ("years", "expected"),
    [(17.9, (90, 0)), (18.0, (90, 65)), (None, (90, 65))],
)
def test_mean_arterial_pressure_counts_for_adults(years: float | None, expected: tuple[int, int]) -> None:
    assert axes.pressure_limits(PROFILE, Context(age_years=years)) == expected


def test_of_two_axes_the_worse_counts_and_none_that_is_not_crs() -> None:
    assert axes.worse(Attributed(), 2, 4) == 4
    assert axes.worse(Attributed(hypoxia=False), 2, 4) == 2
    assert axes.worse(Attributed(hypotension=False, hypoxia=False), 2, 4) == 1
    assert axes.worse(Attributed(), None, None) == 1


# ---- oxygen --------------------------------------------------------------------------------------------------------

HOME_CANNULA = Context(baseline_oxygen_device="nasal_cannula", baseline_oxygen_flow_l_per_min=2.0)


@pytest.mark.parametrize(
    ("usual", "usual_flow", "device", "flow", "expected"),
    [
        (None, None, "nasal_cannula", 1.0, False),
        (None, 2.0, None, 1.0, False),
        ("nasal_cannula", 2.0, None, 1.0, False),
        ("nasal_cannula", 2.0, "nasal_cannula", 2.0, True),
        ("nasal_cannula", 2.0, "nasal_cannula", 2.1, False),
        ("nasal_cannula", 2.0, "nasal_cannula", None, False),  # an unknown flow may be above the usual one
        ("nasal_cannula", None, "nasal_cannula", 2.0, False),
        ("nasal_cannula", None, "nasal_cannula", None, True),
        ("bipap", None, "bipap", None, True),
        ("bipap", None, "bipap", 10.0, False),
        ("nasal_cannula", 2.0, "room_air", None, True),
        ("nasal_cannula", 2.0, "face_mask", None, False),
        ("face_mask", None, "nasal_cannula", 6.0, True),
        ("of a newer build", None, "room_air", None, False),
        ("nasal_cannula", 2.0, "of a newer build", None, False),
    ],
)
def test_support_that_the_patient_always_has_is_no_finding(
    usual: Any, usual_flow: float | None, device: Any, flow: float | None, expected: bool
) -> None:
    context = Context(baseline_oxygen_device=usual, baseline_oxygen_flow_l_per_min=usual_flow)
    assert axes.at_baseline(oxygen(device, flow), context) is expected


@pytest.mark.parametrize(
    ("device", "flow", "expected"),
    [
        (None, None, (1, ("oxygen_device",))),
        (None, 0.0, (1, ("oxygen_device",))),
        (None, 6.0, (2, ("oxygen_device",))),
        (None, 7.0, (3, ("oxygen_device",))),
        ("room_air", None, (1, ())),
        ("nasal_cannula", None, (2, ("oxygen_flow",))),
        ("nasal_cannula", 6.0, (2, ())),
        ("nasal_cannula", 7.0, (3, ())),
        ("face_mask", None, (3, ())),
        ("bipap", None, (4, ())),
        ("of a newer build", 7.0, (3, ("oxygen_device",))),
        ("of a newer build", None, (2, ("oxygen_device", "oxygen_flow"))),
    ],
)
def test_oxygen_support_grades_by_device_and_flow(device: Any, flow: float | None, expected: object) -> None:
    assert axes.support_grade(PROFILE, oxygen(device, flow), Context()) == expected
    assert axes.support_grade(PROFILE, None, Context()) == (1, ("oxygen_device",))


@pytest.mark.parametrize(
    ("spo2", "support", "expected"),
    [
        (None, None, (None, ("hypoxia",))),
        (None, oxygen(None, 0.0), (None, ("hypoxia",))),
        (None, oxygen(None, 2.0), (2, ("oxygen_device",))),
        (None, oxygen("room_air"), (1, ("spo2_percent",))),
        (None, oxygen("bipap"), (4, ())),
        (90, oxygen("room_air"), (1, ())),
        (89, oxygen("room_air"), (2, ())),
        (89, None, (2, ("oxygen_device",))),
        (97, None, (1, ("oxygen_device",))),
        (89, oxygen("face_mask"), (3, ())),
    ],
)
def test_saturation_counts_where_there_is_no_support(
    spo2: int | None, support: Oxygen | None, expected: object
) -> None:
    course = Course(spo2=Signal() if spo2 is None else signal(spo2), oxygen=support)
    assert axes.hypoxia(PROFILE, course) == expected


def test_a_low_saturation_adds_nothing_to_a_support_that_is_graded() -> None:
    profile = replace(PROFILE, low_spo2_grade=3)
    assert axes.hypoxia(profile, Course(spo2=signal(89), oxygen=oxygen("room_air"))) == (3, ())
    assert axes.hypoxia(profile, Course(spo2=signal(89), oxygen=oxygen("nasal_cannula", 2.0))) == (2, ())


def test_a_saturation_below_the_limit_on_the_usual_oxygen_is_a_finding() -> None:
    course = Course(spo2=signal(89), oxygen=oxygen("nasal_cannula", 2.0), context=HOME_CANNULA)
    assert axes.hypoxia(PROFILE, course) == (2, ())
