"""From the first version of an alert to its last, where the stories do not look: above all checks of doses."""

from __future__ import annotations

from typing import Any

from monitor.alerts.lifecycle import MAX_UNACKNOWLEDGED
from monitor.guidelines.in_force import load
from monitor.units import MINUTE
from tests.monitor.bed import START, Bed, iso

PROFILE = load().profile
TOCILIZUMAB: dict[str, Any] = {
    "type": "medication", "drug": "tocilizumab", "action": "given", "dose_unit": "mg", "route": "iv",
}  # fmt: skip


def open_kinds(bed: Bed) -> list[str]:
    return [alert.kind for alert in bed.log.states["A"].alerts.open]


def too_much_given() -> Bed:
    """900 mg for 80 kg: 640 mg are its dose, and 800 mg the most for anybody."""
    bed = Bed()
    bed.vitals(60, source="charted", temperature_celsius=38.5, systolic_mmhg=84.0)
    assert "dose_safety raised" in bed.receive(70, **TOCILIZUMAB, dose=900.0)
    return bed


def test_a_check_of_a_dose_waits_for_somebody_while_time_passes() -> None:
    bed = too_much_given()
    bed.log.tick_until(START + 600 * MINUTE)
    assert "dose_safety" in open_kinds(bed)


def test_a_check_of_a_dose_ends_when_a_late_entry_makes_the_dose_safe() -> None:
    bed = Bed()
    bed.vitals(60, source="charted", temperature_celsius=38.5, systolic_mmhg=84.0)
    assert "dose_safety raised" in bed.receive(70, **TOCILIZUMAB, dose=790.0)
    assert "dose_safety resolved" in bed.receive(30, received=75, type="patient", weight_kg=100.0)


def test_a_check_of_a_dose_is_taken_back_with_its_dose() -> None:
    bed = too_much_given()
    wrong = bed.last_event_id
    messages = bed.receive(70, received=75, **TOCILIZUMAB, dose=900.0, status="entered_in_error", replaces=wrong)
    assert "dose_safety retracted" in messages


def test_a_check_of_a_dose_of_an_earlier_treatment_still_waits_for_somebody() -> None:
    bed = too_much_given()
    second = bed.receive(100, type="patient", infused_at=iso(100))
    assert "dose_safety resolved" not in second
    assert "dose_safety" in open_kinds(bed)


def test_a_discharge_ends_a_check_of_a_dose() -> None:
    bed = too_much_given()
    assert "dose_safety resolved" in bed.receive(80, type="patient", status="discharged")
    assert "dose_safety" not in open_kinds(bed)


def one_dose_too_many_in_an_episode() -> Bed:
    """Five doses, twelve hours apart, in two days of fever and low pressure."""
    bed = Bed()
    for hour in range(1, 51, 6):
        bed.vitals(60 * hour, source="charted", temperature_celsius=38.5, systolic_mmhg=84.0)
        if hour % 12 == 1:
            messages = bed.receive(60 * hour + 5, **TOCILIZUMAB, dose=640.0)
    assert "dose_safety raised" in messages
    return bed


def test_a_check_that_a_new_treatment_made_needless_still_waits_for_somebody() -> None:
    """The dose was one too many when it was given."""
    bed = one_dose_too_many_in_an_episode()
    assert "dose_safety resolved" not in bed.receive(60 * 50, type="patient", infused_at=iso(60 * 50))
    assert "dose_safety" in open_kinds(bed)
    assert "dose_safety resolved" in bed.receive(60 * 51, type="patient", status="discharged")


def test_an_alert_outside_of_an_episode_belongs_to_none() -> None:
    bed = too_much_given()
    assert {alert.episode for alert in bed.log.states["A"].alerts.open} == {1}
    bed.vitals(90, source="charted", temperature_celsius=37.0, systolic_mmhg=120.0)
    bed.vitals(20 * 60, source="charted", temperature_celsius=37.0, systolic_mmhg=120.0)
    bed.receive(40 * 60, **TOCILIZUMAB, dose=900.0)
    assert [alert.episode for alert in bed.log.alerts["A"] if alert.kind == "dose_safety"] == [1, 0]


def test_a_check_ends_when_a_dose_before_it_is_taken_back() -> None:
    bed = one_dose_too_many_in_an_episode()
    first = next(dose.event_id for dose in bed.log.states["A"].course.doses)
    messages = bed.receive(65, received=60 * 50, **TOCILIZUMAB, dose=640.0, status="entered_in_error", replaces=first)
    assert "dose_safety retracted" in messages


def test_of_many_checks_that_nobody_acknowledges_the_oldest_end_and_do_not_come_back() -> None:
    bed = Bed()
    bed.vitals(60, source="charted", temperature_celsius=38.5, systolic_mmhg=84.0)
    raised: list[str] = []
    for number in range(MAX_UNACKNOWLEDGED + 3):
        raised += bed.receive(70 + number, **TOCILIZUMAB, dose=900.0)
    assert open_kinds(bed).count("dose_safety") == MAX_UNACKNOWLEDGED
    assert raised.count("dose_safety raised") == MAX_UNACKNOWLEDGED + 3
    assert raised.count("dose_safety resolved") == 3
    bed.log.tick_until(START + 120 * MINUTE)
    assert bed.vitals(120, source="charted", temperature_celsius=38.5, systolic_mmhg=84.0) == []


def test_a_first_dose_that_is_due_is_looked_at_again_when_it_should_have_been_given() -> None:
    bed = Bed()
    messages = bed.vitals(60, source="charted", temperature_celsius=38.5, systolic_mmhg=84.0)
    assert "dose_indicated raised" in messages
    due = START + 60 * MINUTE + PROFILE.dose_delay
    bed.log.tick_until(due - 1)
    assert bed.titles("dose_indicated") == ["Tocilizumab indicated"]
    assert bed.log.states["A"].due_at == due
    bed.log.tick_until(due)
    assert bed.titles("dose_indicated")[1:] == ["Tocilizumab indicated: not given for 1 h 00 min"]


def test_the_time_to_the_first_dose_counts_from_grade_2_not_from_when_it_was_to_be_considered() -> None:
    bed = Bed()
    bed.receive(1, type="patient", high_risk=True)
    bed.vitals(60, source="charted", temperature_celsius=38.5, systolic_mmhg=120.0)
    bed.vitals(100, source="charted", temperature_celsius=38.5, systolic_mmhg=84.0)
    due = START + 100 * MINUTE + PROFILE.dose_delay
    bed.log.tick_until(due - 1)
    assert bed.titles("dose_indicated") == ["Consider tocilizumab: high risk", "Tocilizumab indicated"]
    bed.log.tick_until(due)
    assert bed.titles("dose_indicated")[2:] == ["Tocilizumab indicated: not given for 1 h 00 min"]
