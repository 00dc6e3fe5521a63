"""More than a day late: what still counts, and what can still be taken back."""

from __future__ import annotations

from typing import Any

from monitor.units import HOUR, MINUTE
from tests.monitor.bed import START, Bed

DAY = 24 * 60
GIVEN: dict[str, Any] = {
    "type": "medication",
    "drug": "tocilizumab",
    "action": "given",
    "dose": 640.0,
    "dose_unit": "mg",
}


def ill_for(days: int) -> Bed:
    """A fever and low pressure, charted every four hours for so long."""
    bed = Bed()
    for hour in range(4, days * 24 + 1, 4):
        bed.vitals(hour * 60, source="charted", temperature_celsius=38.6, systolic_mmhg=84.0, spo2_percent=97.0)
    assert bed.log.states["A"].checkpoint.at > START
    return bed


def test_a_dose_charted_two_days_late_counts_from_the_bedside() -> None:
    bed = ill_for(3)
    bed.receive(10 * 60, received=3 * DAY, **GIVEN)
    shown = bed.log.view("A").tocilizumab
    assert (shown.count_total, shown.count_24h) == (1, 0)
    assert bed.log.verdicts["late"] == 1


def test_a_dose_of_two_days_ago_that_never_was_does_not_count() -> None:
    bed = Bed()
    bed.receive(10 * 60, **GIVEN)
    wrong = bed.last_event_id
    for hour in range(12, 72, 4):
        bed.vitals(hour * 60, source="charted", temperature_celsius=38.6, systolic_mmhg=84.0, spo2_percent=97.0)
    assert bed.log.states["A"].checkpoint.doses
    bed.receive(10 * 60, received=3 * DAY, **GIVEN, replaces=wrong, status="entered_in_error")
    assert bed.log.view("A").tocilizumab.count_total == 0


def test_a_context_of_days_ago_takes_its_place() -> None:
    bed = ill_for(3)
    bed.receive(-5, received=3 * DAY, type="patient", weight_kg=90.0, neutrophils_per_ul=300.0)
    context = bed.log.view("A").context
    assert context.weight_kg == 80.0, "a newer one was known"
    bed.receive(5, received=3 * DAY, type="patient", weight_kg=91.0)
    assert bed.log.view("A").context.weight_kg == 91.0, "this one is newer"
    assert context.neutrophils_per_ul == 300.0


def test_an_infusion_of_two_days_ago_that_never_was_does_not_run() -> None:
    bed = Bed()
    bed.receive(5 * 60, type="medication", drug="norepinephrine", action="started", rate=30.0, rate_unit="mcg/min")
    wrong = bed.last_event_id
    for hour in range(6, 72, 4):
        bed.vitals(hour * 60, source="charted", temperature_celsius=38.6, systolic_mmhg=120.0, spo2_percent=97.0)
    assert bed.log.view("A").grade == 3
    void = {"type": "medication", "drug": "norepinephrine", "action": "started", "status": "entered_in_error"}
    bed.receive(5 * 60, received=3 * DAY, **void, replaces=wrong)
    bed.log.tick_until(START + 3 * DAY * MINUTE + HOUR)
    assert bed.log.view("A").supports == ()
    assert bed.log.view("A").grade == 1


def test_vitals_of_two_days_ago_are_too_late_to_be_judged() -> None:
    bed = ill_for(3)
    assert bed.vitals(5 * 60, received=3 * DAY, source="charted", systolic_mmhg=60.0) == []
    assert bed.log.verdicts["too_late"] == 1
