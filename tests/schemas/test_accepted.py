"""Messages that are accepted, and the events that they become."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from schemas.assessments import Acknowledge, Attribution, InfectionWorkup, Neuro, Note, Snooze
from schemas.decode import decode
from schemas.decoded import Decoded, Refused
from schemas.events import Medication, Patient, Tick, Vitals
from schemas.labs import Labs
from schemas.system_records import Story
from schemas.topics import EventType
from tests.schemas.messages import message


def accepted(payload: bytes, default_type: EventType | None = None) -> Decoded:
    """The decoded event; a refusal fails the test with its reason."""
    decoded = decode(payload, default_type)
    assert isinstance(decoded, Decoded), decoded
    return decoded


@pytest.mark.parametrize(
    ("payload", "model"),
    [
        (message("vitals", spo2_percent=95), Vitals),
        (message("medication", drug="tocilizumab", action="given", dose=560, dose_unit="mg"), Medication),
        (message("patient", status="admitted", weight_kg=70, infused_at="2026-02-28T09:00:00+01:00"), Patient),
        (message("patient", status="final"), Patient),
        (message("assessment", kind="attribution", axis="hypoxia", attributed_to_crs=False), Attribution),
        (message("assessment", kind="acknowledge", alert_id="a1", by="dr-7"), Acknowledge),
        (message("assessment", kind="snooze", alert_id="a1", until="2026-03-01T10:30:00Z"), Snooze),
        (message("assessment", kind="infection_workup", state="sent"), InfectionWorkup),
        (message("assessment", kind="note", text="looks better", by="u17", by_name="A. Nurse"), Note),
        (message("assessment", kind="neuro", seizure="brief"), Neuro),
        (message("assessment", kind="neuro", motor_weakness=False, by="u17"), Neuro),
        (message("labs", ferritin_ug_per_l=812, upper_limits={"ferritin_ug_per_l": 400}), Labs),
        (message("labs", crp_mg_per_l=0.6, below_detection=["crp_mg_per_l"]), Labs),
        (message("labs", lactate_mmol_per_l=-1), Labs),
        (b'{"type":"tick","effective_at":"2026-03-01T10:00:00Z"}', Tick),
    ],
)
def test_every_kind_of_event_finds_its_model(payload: bytes, model: type) -> None:
    assert type(accepted(payload).event) is model


@pytest.mark.parametrize("event_type", ["vitals", None])
def test_on_its_own_topic_a_type_may_be_given_or_left_out(event_type: str | None) -> None:
    assert accepted(message(event_type, spo2_percent=95), "vitals") == accepted(message("vitals", spo2_percent=95))


def test_unknown_fields_are_named_and_gone() -> None:
    decoded = accepted(message("vitals", spo2_percent=95, zone="b", vendor={"firmware": [1, 2]}))
    assert decoded.unknown_fields == ("vendor", "zone")
    assert decoded.event == accepted(message("vitals", spo2_percent=95)).event
    assert decoded.event.model_extra is None


def test_unknown_fields_are_named_beside_implausible_ones() -> None:
    decoded = accepted(message("vitals", spo2_percent=950, heart_rate_per_min=80, vendor="x"))
    assert decoded.unknown_fields == ("vendor",)
    assert [each.signal for each in decoded.implausible] == ["spo2_percent"]


def test_a_patient_called_nan_is_welcome() -> None:
    assert accepted(message("vitals", spo2_percent=95, note="NaN, Infinity")).unknown_fields == ("note",)


def test_of_a_field_given_twice_the_last_counts() -> None:
    twice = message("vitals", spo2_percent=95).replace(b'"spo2_percent":95', b'"spo2_percent":NaN,"spo2_percent":95')
    assert accepted(twice).event == accepted(message("vitals", spo2_percent=95)).event


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2026-03-01T10:00:00Z", datetime(2026, 3, 1, 10, tzinfo=UTC)),
        ("2026-03-01T10:00:00.250Z", datetime(2026, 3, 1, 10, 0, 0, 250_000, tzinfo=UTC)),
        ("2026-03-01 10:00:00+05:30", datetime(2026, 3, 1, 10, tzinfo=timezone(timedelta(hours=5, minutes=30)))),
        ("2026-03-01T10:00-08:00", datetime(2026, 3, 1, 10, tzinfo=timezone(timedelta(hours=-8)))),
        ("2184-03-01T10:00:00Z", datetime(2184, 3, 1, 10, tzinfo=UTC)),
    ],
)
def test_times_carry_their_offset(written: str, meant: datetime) -> None:
    assert accepted(message("vitals", spo2_percent=95, effective_at=written)).event.effective_at == meant


def test_a_story_is_read_from_the_log_alone() -> None:
    written = message("story", path=["p0"], story="packed")
    decoded = decode(written, in_log=True)
    assert isinstance(decoded, Decoded)
    assert decoded.event == Story(
        event_id="e1", patient_id="p1", effective_at=datetime(2026, 3, 1, 10, tzinfo=UTC), path=("p0",), story="packed"
    )
    assert isinstance(decode(written), Refused)


def test_a_reserved_field_may_be_null() -> None:
    assert accepted(message("patient", bed="12", story=None)).unknown_fields == ("story",)


def test_whole_numbers_are_readings_too() -> None:
    event = accepted(message("vitals", temperature_celsius=38)).event
    assert isinstance(event, Vitals)
    assert event.temperature_celsius == 38.0
