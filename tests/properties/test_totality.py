"""No valid event in any reachable state stops the judgement, and what is kept of a patient stays within bounds."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from monitor.alerts import lifecycle
from monitor.course import entries
from monitor.model import State
from monitor.record import corrections, facts, late_events, latest_vitals, row
from schemas.alerts import Alert
from tests.bedside import Log
from tests.oracle import HOUR, MINUTE
from tests.properties.records import EVENTS, START, Entry, Json, end_of, iso, play

ROW_BYTES = 64 * 1024
ROUGH = st.one_of(
    EVENTS,
    EVENTS,
    st.builds(lambda content, wrong: {**content, "replaces": f"N{wrong:03d}"}, EVENTS, st.integers(0, 30)),
    st.builds(
        lambda content, wrong: {**content, "status": "entered_in_error", "replaces": f"N{wrong:03d}"},
        EVENTS,
        st.integers(0, 30),
    ),
    st.builds(lambda hours: {"type": "patient", "infused_at": iso(START + hours * HOUR)}, st.integers(-400, 400)),
    st.just({"type": "patient", "birth_date": "2026-03-02"}),
    st.sampled_from(
        [
            {"type": "assessment", "kind": "note", "text": "looks better"},
            {"type": "assessment", "kind": "neuro", "seizure": "brief"},
            {"type": "labs", "crp_mg_per_l": 120.0},
        ]
    ),
    st.builds(lambda number: {"type": "assessment", "kind": "acknowledge", "number": number}, st.integers(0, 9)),
    st.builds(
        lambda number, hours: {
            "type": "assessment",
            "kind": "snooze",
            "number": number,
            "until": iso(START + hours * HOUR),
        },
        st.integers(0, 9),
        st.integers(-1, 60),
    ),
    st.builds(lambda into: {"type": "patient", "merged_into": into}, st.sampled_from(["B", "C"])),
)
PATIENTS = st.sampled_from(["A", "A", "A", "B", "C"])
HOURS_EARLY = st.sampled_from([0, 0, 0, 0, 1, 5, 23, 30, 200, -1, -0.02])
MINUTES_LATER = st.sampled_from([0, 0, 1, 30, 61, 480, 1500, 6000])


@st.composite
def rough_records(draw: st.DrawFn) -> list[Entry]:
    """A record in which nothing goes as it should: days apart, far too late, from the future, in circles."""
    arrived_at = START
    entries = []
    chosen = st.tuples(MINUTES_LATER, HOURS_EARLY, PATIENTS, ROUGH)
    for number, (minutes, hours, patient_id, content) in enumerate(draw(st.lists(chosen, min_size=1, max_size=30))):
        arrived_at += minutes * MINUTE
        named = {**content, "event_id": f"N{number:03d}", "patient_id": patient_id}
        if named.get("replaces") == named["event_id"]:
            del named["replaces"]
            named.pop("status", None)
        entries.append(Entry(named, arrived_at - round(hours * HOUR), arrived_at))
    return entries


@settings(max_examples=200)
@given(rough_records(), st.sampled_from(["house", "astct-2019"]))
def test_no_valid_event_stops_the_judgement(entries: list[Entry], profile: str) -> None:
    log = Log(profile, snapshots=True)
    for entry in entries:
        content = with_open_alert(entry.content, log)
        if content is None or content.get("merged_into") == content["patient_id"]:
            continue
        log.receive(replace(entry, content=content).event(), entry.received_at)
        for patient_id, state in log.states.items():
            assert_bounded(state)
            log.view(patient_id)
    log.tick_until(end_of(entries) + 100 * HOUR)
    for alert in (alert for alerts in log.alerts.values() for alert in alerts):
        assert Alert.model_validate_json(alert.model_dump_json()) == alert


def with_open_alert(content: Json, log: Log) -> Json | None:
    """An acknowledgement or snooze names an alert that is open; None where there is none."""
    if "number" not in content:
        return content
    state = log.states.get(content["patient_id"])
    standing = [] if state is None else state.alerts.open
    if not standing:
        return None
    named = {name: value for name, value in content.items() if name != "number"}
    return {**named, "alert_id": standing[content["number"] % len(standing)].alert_id}


def assert_bounded(state: State) -> None:
    """Every part of the state, and what bounds it."""
    assert facts.size(state.facts) <= late_events.MAX_FACTS, "facts, by thinning and by the checkpoint"
    assert len(state.course.doses) <= entries.DOSES_KEPT
    assert len(state.checkpoint.doses) <= entries.DOSES_KEPT
    assert len(state.course.infusions) <= 16, "one a drug of the formulary"
    assert len(state.course.held.recent_higher) <= 5, "one a grade"
    assert len(state.corrections) <= corrections.MAX_CORRECTIONS
    assert facts.size(state.taken_back) <= corrections.MAX_TAKEN_BACK
    assert len(state.unknown_drugs) <= latest_vitals.MAX_UNKNOWN_DRUGS
    assert len(state.latest) <= len(latest_vitals.DISPLAYED)
    assert len(state.alerts.raised.names) <= lifecycle.MAX_NAMES
    assert len(state.alerts.open) <= 96, "one a kind and key; keys are grades, rules, drugs, signals and doses"
    assert len(state.alerts.closed) <= 96, "what is closed for good and still true"
    assert len(state.feed_health.rejects) <= len(latest_vitals.DISPLAYED)
    assert len(row.encode(row.Row(row.VERSION, 0, row.EMPTY_DIGEST, state))) <= ROW_BYTES


@pytest.mark.slow
@settings(max_examples=6, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(st.lists(EVENTS, min_size=20, max_size=40), st.sampled_from([1, 7, 60]))
def test_a_long_stay_does_not_grow(content: list[Json], minutes: int) -> None:
    entries = [
        Entry(
            {**content[number % len(content)], "event_id": f"L{number:04d}", "patient_id": "A"},
            START + number * minutes * MINUTE,
            START + number * minutes * MINUTE,
        )
        for number in range(900)
    ]
    log = play(entries)
    assert_bounded(log.states["A"])
