"""Both sides of every plausible range: at the limit a value is a reading, just beyond it is a sensor's mistake."""

from __future__ import annotations

import pytest

from schemas.checks import REMOVABLE
from schemas.decode import decode
from schemas.decoded import Decoded, ImplausibleSignal, Refused
from schemas.events import Vitals
from schemas.labs import LAB_VALUES
from schemas.patient_event import Void
from tests.schemas.messages import message

# Signal, lowest reading, just below it, highest reading, just above it. None: no limit on that side.
VITALS = [
    ("temperature_celsius", 25, 24.9, 45, 45.1),
    ("heart_rate_per_min", 0, -1, 350, 351),
    ("respiratory_rate_per_min", 0, -1, 120, 121),
    ("systolic_mmhg", 20, 19, 300, 301),
    ("diastolic_mmhg", 10, 9, 250, 251),
    ("mean_arterial_mmhg", 15, 14, 270, 271),
    ("spo2_percent", 20, 19, 100, 101),
    ("oxygen_flow_l_per_min", 0, -0.1, 100, 100.1),
    ("fio2_fraction", 0.21, 0.2, 1.0, 1.01),
    ("ice_score", 0, -1, 10, 11),
    ("capd_score", 0, -1, 32, 33),
]
PATIENT = [
    ("weight_kg", 0.3, 0.29, 400, 400.1),
    ("age_years", 0, -0.1, 120, 120.1),
    ("neutrophils_per_ul", 0, -1, 10**6, None),
    ("baseline_systolic_mmhg", 20, 19, 300, 301),
    ("baseline_spo2_percent", 20, 19, 100, 101),
    ("baseline_oxygen_flow_l_per_min", 0, -0.1, 100, 100.1),
    ("birth_date", "1906-01-01", "1905-12-31", "2026-03-02", "2026-03-03"),
    ("infused_at", "1850-01-01T00:00:00Z", "1849-12-31T23:59:59Z", "2999-12-31T23:59:59Z", "3000-01-01T00:00:00Z"),
]
MEDICATION = [("rate", 0, -0.1, 10**6, 10**6 + 1), ("dose", -1, None, 10**6, 10**6 + 1)]
LABS = [(name, 0, -0.1, 10**6, None) for name in LAB_VALUES]
TABLES = (("vitals", VITALS), ("patient", PATIENT), ("medication", MEDICATION), ("labs", LABS))
SIGNALS = [(of, *row) for of, rows in TABLES for row in rows]
# What each type must have beside the value that is looked at.
REST = {
    "vitals": {"consciousness": "alert"},
    "patient": {"bed": "12"},
    "medication": {"drug": "norepinephrine", "action": "started"},
    "labs": {"device_id": "analyser"},
}
INSIDE = [(of, name, value) for of, name, low, _, high, _ in SIGNALS for value in (low, high)]
OUTSIDE = [(of, name, v) for of, name, _, below, _, above in SIGNALS for v in (below, above) if v is not None]


def test_every_removable_signal_is_in_these_tables() -> None:
    assert {name for _, name, *_ in SIGNALS} == REMOVABLE


@pytest.mark.parametrize(("event_type", "signal", "value"), INSIDE)
def test_at_the_limit_it_is_a_reading(event_type: str, signal: str, value: object) -> None:
    decoded = decode(message(event_type, **REST[event_type], **{signal: value}))
    assert isinstance(decoded, Decoded)
    assert decoded.implausible == ()
    assert getattr(decoded.event, signal) is not None


@pytest.mark.parametrize(("event_type", "signal", "value"), OUTSIDE)
def test_beyond_the_limit_it_is_taken_out_and_the_rest_stays(event_type: str, signal: str, value: object) -> None:
    rest = REST[event_type]
    decoded = decode(message(event_type, **rest, **{signal: value}))
    assert isinstance(decoded, Decoded)
    assert [(each.signal, each.value) for each in decoded.implausible] == [(signal, value)]
    assert signal not in decoded.event.model_fields_set
    assert all(getattr(decoded.event, name) == kept for name, kept in rest.items())


def test_several_implausible_signals_are_all_named() -> None:
    decoded = decode(message("vitals", spo2_percent=150, systolic_mmhg=1200, heart_rate_per_min=92))
    assert isinstance(decoded, Decoded)
    assert decoded.implausible == (
        ImplausibleSignal("systolic_mmhg", 1200, "systolic_mmhg: must be at most 300"),
        ImplausibleSignal("spo2_percent", 150, "spo2_percent: must be at most 100"),
    )
    assert isinstance(decoded.event, Vitals)
    assert decoded.event.heart_rate_per_min == 92


def test_nothing_left_is_still_an_event_so_that_the_engine_can_count() -> None:
    decoded = decode(message("vitals", spo2_percent=150))
    assert isinstance(decoded, Decoded)
    assert isinstance(decoded.event, Vitals)
    assert decoded.event.spo2_percent is None
    assert [each.signal for each in decoded.implausible] == ["spo2_percent"]


def test_an_infant_of_2_kg_with_an_infants_signs_passes_whole() -> None:
    weight = decode(message("patient", weight_kg=2.1, age_years=0.05))
    signs = decode(message("vitals", heart_rate_per_min=210, respiratory_rate_per_min=70, systolic_mmhg=48))
    for decoded in (weight, signs):
        assert isinstance(decoded, Decoded)
        assert decoded.implausible == ()


def test_a_number_too_long_for_any_reading_is_only_implausible_where_whole_numbers_are_read() -> None:
    decoded = decode(message("vitals", spo2_percent=95, ice_score=int("9" * 400)))
    assert isinstance(decoded, Decoded)
    assert decoded.implausible == (ImplausibleSignal("ice_score", None, "ice_score: must be at most 10"),)


def test_a_void_takes_its_event_back_without_judging_the_readings_it_repeats() -> None:
    void = decode(message("vitals", event_id="e2", replaces="e1", status="entered_in_error", spo2_percent=150))
    assert isinstance(void, Decoded)
    assert void.implausible == ()
    assert isinstance(void.event, Void)
    assert void.event.replaces == "e1"


def test_implausible_and_refused_together_is_refused() -> None:
    verdict = decode(message("vitals", spo2_percent=150, status="entered_in_error"))
    assert isinstance(verdict, Refused)
    assert verdict.reason == "void_without_replaces"
