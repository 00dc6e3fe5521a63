"""What was stated before is kept within a bound, and what is forgotten can still be corrected."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from agents.feeds.fhir.directory import Directory
from agents.feeds.fhir.translate import Translation
from agents.feeds.hl7.translate import translate
from agents.feeds.translation.memory import Memory
from agents.feeds.translation.settings import load_settings

FEEDS = load_settings()


def reading(minute: int, rate: int, status: str) -> bytes:
    """A heart rate of one minute."""
    return (
        f"MSH|^~\\&|MON|ICU|||202603011200{minute:02}+0000||ORU^R01|{minute}|P|2.6\rPID|1||4711^^^MERCY^MR\r"
        f"OBR|1|||VS|||2026030110{minute:02}00+0000\rOBX|1|NM|8867-4^HR^LN||{rate}|/min|||||{status}"
    ).encode()


def events(memory: Memory, *messages: bytes) -> list[dict[str, Any]]:
    """The events of some messages."""
    return [json.loads(one.payload) for raw in messages for one in translate(raw, FEEDS, memory).events]


def test_beyond_the_bound_the_oldest_monitor_readings_are_forgotten_and_counted() -> None:
    memory = Memory(most=3)
    charted = reading(0, 70, "F")
    events(memory, charted, *(reading(minute, 80, "R") for minute in range(1, 6)))
    assert len(memory.lines) == 3
    assert memory.forgotten == 3
    assert events(memory, charted) == [], "charted values are kept"
    assert events(memory, reading(5, 80, "R")) == []


def test_a_correction_of_what_is_forgotten_replaces_its_first_id() -> None:
    memory = Memory(most=1)
    first, *_ = events(memory, reading(1, 80, "R"), reading(2, 80, "R"))
    (corrected,) = events(memory, reading(1, 90, "C"))
    assert corrected["replaces"] == first["event_id"]
    assert corrected["event_id"] != first["event_id"]


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(1, 4), st.sampled_from([70, 80, 90]), st.booleans()), max_size=8))
def test_the_newest_version_of_a_resource_stands_whatever_the_order(versions: list[tuple[int, int, bool]]) -> None:
    """One value a version, as a server has it; the last one may be entered in error."""
    value = {version: (rate, is_error) for version, rate, is_error in versions}
    translation = Translation(FEEDS, Memory(), Directory())
    sent: list[dict[str, Any]] = []
    for version, *_ in versions:
        rate, is_error = value[version]
        resource = {
            "resourceType": "Observation",
            "id": "1",
            "meta": {"versionId": str(version)},
            "status": "entered-in-error" if is_error else "final",
            "subject": {"reference": "Patient/4711"},
            "effectiveDateTime": "2026-03-01T10:00:00Z",
            "code": {"coding": [{"system": "http://loinc.org", "code": "8867-4"}]},
            "valueQuantity": {"value": rate, "unit": "/min"},
        }
        sent += [json.loads(one.payload) for one in translation.translate(json.dumps(resource).encode()).events]
    replaced = {event.get("replaces") for event in sent}
    standing = [
        event["heart_rate_per_min"]
        for event in sent
        if event["event_id"] not in replaced and event.get("status") != "entered_in_error"
    ]
    newest = max(value, default=None)
    assert standing == ([] if newest is None or value[newest][1] else [float(value[newest][0])])
    assert len({event["event_id"] for event in sent}) == len(sent)


MESSAGES = st.lists(
    st.tuples(st.integers(1, 3), st.sampled_from([70, 80]), st.sampled_from("FRCD"), st.booleans()), max_size=8
)
VERSIONS = st.lists(
    st.tuples(
        st.integers(1, 5), st.sampled_from(["in-progress", "on-hold", "completed", "entered-in-error"]), st.booleans()
    ),
    max_size=8,
)


@settings(deadline=None)
@given(MESSAGES)
def test_an_attempt_that_was_taken_back_leaves_no_trace(stated: list[tuple[int, int, str, bool]]) -> None:
    """As for a message that brokers did not confirm: it comes again, and gives the same events."""
    memory, twin = Memory(), Memory()
    for minute, rate, status, fails in stated:
        raw = reading(minute, rate, status)
        memory.attempt()
        first = events(memory, raw)
        if fails:
            memory.take_back()
            memory.attempt()
            assert events(memory, raw) == first
        memory.confirm()
        assert events(twin, raw) == first
    assert memory.lines == twin.lines


@settings(deadline=None)
@given(VERSIONS)
def test_nor_does_that_of_a_resource(versions: list[tuple[int, str, bool]]) -> None:
    attempted, plain = (Translation(FEEDS, Memory(), Directory()) for _ in range(2))
    for version, status, fails in versions:
        resource = {
            "resourceType": "MedicationAdministration",
            "id": "1",
            "meta": {"versionId": str(version), "lastUpdated": f"2026-03-01T11:0{version}:00Z"},
            "status": status,
            "subject": {"reference": "Patient/4711"},
            "effectiveDateTime": "2026-03-01T10:00:00Z",
            "medicationCodeableConcept": {"text": "norepinephrine"},
            "dosage": {"rateQuantity": {"value": version, "unit": "mg/h"}},
        }
        raw = json.dumps(resource).encode()
        attempted.memory.attempt()
        first = attempted.translate(raw)
        if fails:
            attempted.memory.take_back()
            attempted.memory.attempt()
            again = attempted.translate(raw)
            assert (again.events, again.left_out) == (first.events, first.left_out)
        attempted.memory.confirm()
        assert plain.translate(raw).events == first.events
    assert attempted.memory.lines == plain.memory.lines
