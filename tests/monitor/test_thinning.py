"""Thinning is exact only while every threshold that a rule reads separates two bands."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from monitor.course.fold import begin
from monitor.fact_types import VitalsFact
from monitor.guidelines.in_force import load
from monitor.guidelines.profile_loader import NUMBERS
from monitor.record.thinning import bands_of, thin
from monitor.units import MINUTE
from tests.monitor.bed import START

PROFILE = load().profile
LIMITS = (
    PROFILE.fever_tenths,
    90,
    PROFILE.extreme_systolic_below,
    PROFILE.mean_arterial_below,
    PROFILE.spo2_below,
    PROFILE.extreme_spo2_below,
)
MONITOR = Path(__file__).parents[2] / "monitor"
NORMAL = VitalsFact(START, "1", False, 369, 118, 84, 97, "room_air", 2.0, 0.21, 10, "alert")
# Fields of an observation that thinning does not look at: when and where from, and FiO2, which is only displayed.
NOT_BANDED = {"at", "event_id", "gap_since", "fio2", "further", "content"}
# Threshold of a profile -> the signal that rules compare with it.
THRESHOLDS = {
    "fever_tenths": "temperature",
    "mean_arterial_below": "map",
    "extreme_systolic_below": "sbp",
    "spo2_below": "spo2",
    "extreme_spo2_below": "spo2",
    "ice_full_score": "ice",
}
# These end in the unit of a vital sign, and are none: shares of a limit or of a dose, and the cap of a limit.
NO_THRESHOLDS = {"baseline_below_percent", "baseline_below", "overdose_percent"}
UNITS_OF_VITALS = ("celsius", "mmhg", "percent", "score", "fraction", "min")


def bands(fact: VitalsFact) -> tuple[object, ...]:
    return bands_of(fact, LIMITS)


@pytest.mark.parametrize(("threshold", "signal"), [*THRESHOLDS.items(), ("the patient's systolic limit", "sbp")])
def test_both_sides_of_a_threshold_are_in_different_bands(threshold: str, signal: str) -> None:
    limit = getattr(PROFILE, threshold, 90)
    under: dict[str, Any] = {signal: limit - 1}
    exact: dict[str, Any] = {signal: limit}
    below, at_limit = NORMAL._replace(**under), NORMAL._replace(**exact)
    assert bands(below) != bands(at_limit)


def test_every_threshold_of_a_vital_sign_is_known_here() -> None:
    of_vitals = {name for name, key in NUMBERS.items() if key.rpartition("_")[2] in UNITS_OF_VITALS}
    assert of_vitals == THRESHOLDS.keys() | NO_THRESHOLDS, "a new threshold of a vital sign needs its band"


@pytest.mark.parametrize("field", [name for name in VitalsFact._fields if name not in NOT_BANDED])
def test_every_field_that_rules_read_has_a_band(field: str) -> None:
    others: dict[str, Any] = {
        "charted": True,
        "temperature": 400,
        "device": "face_mask",
        "flow": 3.0,
        "consciousness": "voice",
    }
    other = others.get(field, 1)
    assert bands(NORMAL._replace(**{field: other})) != bands(NORMAL)


def reads_of(name: str) -> Iterator[str]:
    """Places in the rules that read a field of this name: the axes, the episode and the alerts."""
    course = [MONITOR / "course" / "axes.py", MONITOR / "course" / "episodes.py"]
    files = [*course, *(MONITOR / "course" / "scales").glob("*.py"), *(MONITOR / "alerts").glob("*.py")]
    for path in files:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and node.attr == name:
                yield f"{path.name}:{node.lineno}"


def test_no_rule_reads_the_oxygen_fraction_which_has_no_band() -> None:
    assert list(reads_of("fio2")) == [], "give it a band in thinning.bands_of first"
    assert list(reads_of("device")), "the walk finds what rules read"


def pressure_only(at: int, event_id: str, sbp: int) -> VitalsFact:
    return VitalsFact(at, event_id, False, None, sbp, None, None, None, None, None, None, None)


def test_of_a_run_the_two_first_and_the_last_stay_and_the_gap_is_noted() -> None:
    """The example in the docstring of `thinning._thinned`, and enough normal readings after it."""
    pressures = [118, 121, 117, 119, 84, *[118] * 30]
    vitals = tuple(
        VitalsFact(START + n * MINUTE, f"{n}", False, None, sbp, None, None, None, None, None, None, None)
        for n, sbp in enumerate(pressures)
    )
    kept = thin(vitals, PROFILE, begin(PROFILE), since=START)
    minutes = [(fact.at - START) // MINUTE for fact in kept]
    assert minutes[:6] == [0, 1, 3, 4, 5, 6]
    assert kept[2].gap_since == START + MINUTE
    assert minutes[6:] == list(range(minutes[6], len(pressures))), "the newest stay"
