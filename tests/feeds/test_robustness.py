"""Whatever arrives, a translation ends with events, letters and counts that can be written; it never raises."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.feeds.fhir.directory import Directory
from agents.feeds.fhir.translate import Translation
from agents.feeds.hl7.translate import translate
from agents.feeds.translation.memory import Memory
from agents.feeds.translation.outcome import Outcome
from agents.feeds.translation.settings import load_settings
from agents.feeds.translation.summary import Summary
from schemas.decode import decode
from schemas.decoded import Decoded

FEEDS = load_settings()
HEAD = b"MSH|^~\\&|MON|ICU|||20260301120000+0000||%b|1|P|2.6\rPID|1||4711^^^MERCY^MR\r"
ORU = HEAD % b"ORU^R01" + b"OBR|1|||VS|||20260301100000+0000\r"
VITALS = b"OBX|1|NM|8867-4^HR^LN|1.1|80|/min|||||F|||20260301100000+0000||||D1"
RAS = HEAD % b"RAS^O17" + b"ORC|RE|P1|F1\r"
RXA = b"RXA|0|1|20260301100000+0000||1^norepinephrine^L|4|mg/h|||||h|2|mg||||1|||New Bag|A||250|mL"
ADT = HEAD % b"ADT^A01"
PV1 = b"PV1|1|I|ICU^101^A"
OBSERVATION = {
    "resourceType": "Observation",
    "id": "1",
    "status": "final",
    "subject": {"reference": "Patient/4711"},
    "effectiveDateTime": "2026-03-01T10:00:00Z",
    "code": {"coding": [{"system": "http://loinc.org", "code": "8867-4"}]},
    "valueQuantity": {"value": 80, "unit": "/min"},
    "component": [{"code": {"coding": [{"system": "http://loinc.org", "code": "8480-6"}]}, "valueString": "x"}],
}
ADMINISTRATION = {
    "resourceType": "MedicationAdministration",
    "id": "1",
    "status": "in-progress",
    "subject": {"reference": "Patient/4711"},
    "effectivePeriod": {"start": "2026-03-01T10:00:00Z", "end": "2026-03-01T11:00:00Z"},
    "medicationCodeableConcept": {"text": "norepinephrine"},
    "dosage": {"dose": {"value": 4, "unit": "mg"}, "rateRatio": {"numerator": {"value": 1, "unit": "mg"}}},
}
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


def check(outcome: Outcome) -> None:
    """All of an outcome can be written, and every event is one that a replay takes."""
    summary = Summary()
    summary.add(outcome)
    json.dumps(summary.as_json(), ensure_ascii=False).encode()
    for one in outcome.events:
        assert isinstance(decode(one.payload), Decoded)
    for letter in outcome.letters:
        letter.detail.encode()


def changed(fields: list[bytes], at: int, value: bytes) -> bytes:
    """A segment with one field changed."""
    return b"|".join([*fields[:at], value, *fields[at + 1 :]])


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from([(ORU, VITALS), (RAS, RXA), (ADT, PV1)]),
    st.integers(1, 24),
    st.binary(max_size=12)
    | st.sampled_from([b"9" * 400, b"^" * 9, b"~~", b"\\X\\", b"\\E", b"\xe4", b"1^2^3&4~5", b'""']),
)
def test_a_field_of_any_content(message: tuple[bytes, bytes], at: int, value: bytes) -> None:
    head, segment = message
    check(translate(head + changed(segment.split(b"|"), at, value), FEEDS, Memory()))


@settings(max_examples=200, deadline=None)
@given(st.sampled_from([OBSERVATION, ADMINISTRATION]), st.data())
def test_an_element_of_any_content(resource: dict[str, Any], data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(resource)))
    raw = json.dumps({**resource, name: data.draw(ANYTHING)}).encode()
    check(Translation(FEEDS, Memory(), Directory()).translate(raw))


@settings(max_examples=100, deadline=None)
@given(ANYTHING)
def test_any_json(value: Any) -> None:
    check(Translation(FEEDS, Memory(), Directory()).translate(json.dumps(value).encode()))
    bundle = {"resourceType": "Bundle", "entry": [value, {"resource": value}, {"request": value, "fullUrl": value}]}
    check(Translation(FEEDS, Memory(), Directory()).translate(json.dumps(bundle).encode()))


@pytest.mark.parametrize(
    "raw",
    [
        b'{"resourceType":"Patient","id":"\\ud800","meta":{"lastUpdated":"2026-03-01T10:00:00Z"}}',
        b'{"resourceType":"Observation","id":"1","code":{"text":"\\ud800"},"valueString":"\\ud800"}',
        b'{"resourceType":"Bundle","entry":' + b'[{"resource":{"resourceType":"Bundle","entry":' * 2000,
        b"[" * 100_000,
        b'{"resourceType":"Observation","valueQuantity":{"value":1e999}}',
    ],
)
def test_what_is_hostile(raw: bytes) -> None:
    check(Translation(FEEDS, Memory(), Directory()).translate(raw))


def test_a_bad_byte_in_an_order_or_a_device_is_a_bad_charset() -> None:
    for raw in (RAS.replace(b"F1", b"F\xe4") + RXA, ORU + VITALS.replace(b"D1", b"D\xe4")):
        outcome = translate(raw, FEEDS, Memory())
        assert [letter.reason for letter in outcome.letters] == ["bad_charset"]
        assert outcome.events == []
