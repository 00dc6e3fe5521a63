"""Whatever bytes arrive, `decode` returns an event or a reason, and never raises."""

from __future__ import annotations

import json
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.dead_letters import DeadLetterReason
from schemas.decode import decode
from schemas.decoded import Decoded, ImplausibleSignal, Refused
from schemas.events import EVENT, Medication, Patient, Vitals
from schemas.topics import EventType
from tests.schemas.messages import message

FIELDS = sorted({*Vitals.model_fields, *Medication.model_fields, *Patient.model_fields, "kind", "alert_id", "vendor"})
WORDS = sorted({*get_args(EventType), "attribution", "given", "final", "entered_in_error", "room_air", "p1", "e1"})
TIMES = st.datetimes().map(lambda at: at.isoformat() + "Z") | st.sampled_from(
    ["2026-03-01T10:00:00Z", "2026-03-01", "0001-01-01T00:00:00+23:59"]
)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from(WORDS) | TIMES
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner))
EVENTS = st.dictionaries(st.sampled_from(FIELDS) | st.text(max_size=5), VALUES, max_size=12)
DEFAULTS = st.sampled_from([None, *get_args(EventType)])
REASONS = set(get_args(DeadLetterReason))
a_few = settings(max_examples=38)  # Building such values costs more than decoding them; `--examples` asks for more.


def answered(payload: bytes, default_type: EventType | None) -> Decoded | Refused:
    """The verdict, after the checks that hold for every one of them."""
    verdict = decode(payload, default_type)
    if isinstance(verdict, Refused):
        assert verdict.reason in REASONS
        assert verdict.detail
        return verdict
    assert isinstance(json.loads(payload), dict)
    assert verdict.event.model_extra is None or verdict.event.model_extra == {}
    assert EVENT.validate_json(EVENT.dump_json(verdict.event)) == verdict.event
    return verdict


@a_few
@given(st.binary(max_size=300), DEFAULTS)
def test_any_bytes(payload: bytes, default_type: EventType | None) -> None:
    answered(payload, default_type)


@a_few
@given(VALUES, DEFAULTS)
def test_any_json(content: object, default_type: EventType | None) -> None:
    answered(json.dumps(content).encode(), default_type)


@a_few
@given(EVENTS, DEFAULTS)
def test_any_object_with_our_fields(content: dict[str, object], default_type: EventType | None) -> None:
    answered(json.dumps(content).encode(), default_type)


@a_few
@given(st.sampled_from(get_args(EventType)), EVENTS, DEFAULTS)
def test_any_event_with_a_good_header(of: EventType, fields: dict[str, object], default_type: EventType | None) -> None:
    whole = {name: value for name, value in fields.items() if name not in ("type", "event_id", "patient_id")}
    answered(message(of, **whole), default_type)


@a_few
@given(st.data())
def test_any_good_message_with_a_byte_changed(data: st.DataObject) -> None:
    good = message("vitals", spo2_percent=95, temperature_celsius=38.4, oxygen_device="nasal_cannula")
    where = data.draw(st.integers(0, len(good) - 1))
    answered(good[:where] + data.draw(st.binary(max_size=3)) + good[where + 1 :], None)


@a_few
@given(st.floats(allow_nan=False, allow_infinity=False), st.sampled_from(["spo2_percent", "heart_rate_per_min"]))
def test_a_number_is_read_exactly_or_reported_exactly(value: float, signal: str) -> None:
    decoded = answered(message("vitals", ice_score=10, **{signal: value}), None)
    assert isinstance(decoded, Decoded)
    kept, reported = getattr(decoded.event, signal), [each.value for each in decoded.implausible]
    assert (kept, reported) in ((value, []), (None, [value]))


@pytest.mark.parametrize("content", ["xqzw", ["xqzw"], {"xqzw": 1}, "xqzw" * 100])
@pytest.mark.parametrize("field", FIELDS)
def test_details_never_quote_the_message(field: str, content: object) -> None:
    verdict = answered(message("vitals", **({"spo2_percent": 200} | {field: content})), None)
    details = [verdict.detail] if isinstance(verdict, Refused) else [each.detail for each in verdict.implausible]
    assert details
    assert not any("xqzw" in detail for detail in details)


def test_an_implausible_value_is_bounded_too() -> None:
    letters = decode(message("patient", infused_at="3000-01-01T00:00:00." + "0" * 6 + "Z"))
    assert isinstance(letters, Decoded)
    assert isinstance(letters.implausible[0], ImplausibleSignal)
    assert len(str(letters.implausible[0].value)) <= 64
