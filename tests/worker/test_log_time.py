"""When an event arrived: by what its feed says, as long as the broker's clock does not contradict it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from agents.engine.outcome import Outcome
from agents.engine.partition import Partition
from monitor.guidelines import in_force
from monitor.model import State
from monitor.units import DAY, HOUR, MINUTE, SECOND, to_datetime
from tests.worker.records import BEGAN, LogRecord

GUIDELINE = in_force.load("house")
YEAR = 365 * DAY
EVENTS: dict[str, dict[str, Any]] = {
    "vitals": {"heart_rate_per_min": 110},
    "medication": {"drug": "tocilizumab", "action": "given", "dose": 560, "dose_unit": "mg", "route": "iv"},
    "patient": {"weight_kg": 70},
    "assessment": {"kind": "attribution", "axis": "hypoxia", "attributed_to_crs": False},
    "void": {"type": "vitals", "status": "entered_in_error", "replaces": "e1"},
}
FEVER: dict[str, Any] = {"type": "vitals", "source": "charted", "temperature_celsius": 39, "systolic_mmhg": 85}


class Ward:
    """One partition of the log; times in ms after BEGAN, and by default all clocks agree."""

    def __init__(self) -> None:
        self.partition = Partition(GUIDELINE, 0, "crs.patient-events")
        self.offset = -1

    def append(self, content: dict[str, Any], timestamp: int) -> Outcome:
        self.offset += 1
        return self.partition.apply([LogRecord(self.offset, timestamp, b"p1", json.dumps(content).encode())])

    def event(self, at: int, *, appended: int | None = None, received: int | None = None, **content: Any) -> Outcome:
        named = {"event_id": f"e{self.offset + 1}", "patient_id": "p1", "effective_at": iso(at)} | content
        if received is not None:
            named["received_at"] = iso(received)
        return self.append(named, BEGAN + (at if appended is None else appended))

    def tick(self, at: int, *, appended: int | None = None) -> Outcome:
        return self.append({"type": "tick", "effective_at": iso(at)}, BEGAN + (at if appended is None else appended))

    def state(self) -> State:
        return self.partition.state("p1")


def iso(at: int) -> str:
    return to_datetime(BEGAN + at).isoformat()


def reasons(outcome: Outcome) -> list[str]:
    return [one.letter.reason for one in outcome.letters]


def ill() -> Ward:
    """A patient with fever and low pressure who was given tocilizumab at minute 30."""
    ward = Ward()
    ward.event(0, **FEVER)
    ward.event(30 * MINUTE, type="medication", **EVENTS["medication"])
    ward.tick(31 * MINUTE)
    return ward


@pytest.mark.parametrize("kind", EVENTS)
@pytest.mark.parametrize("ahead", [2 * MINUTE + 1, HOUR, YEAR])
def test_an_event_of_a_clock_ahead_moves_nobodys_clock(kind: str, ahead: int) -> None:
    ward = ill()
    before = ward.state()
    at = 32 * MINUTE
    content = {"type": kind} | EVENTS[kind]
    outcome = ward.event(at + ahead, appended=at, received=at + ahead, **content)
    assert reasons(outcome) == ["from_the_future"]
    assert [one.alert.kind for one in outcome.alerts] == ["data_quality"]
    after = ward.state()
    assert (after.course, after.facts, after.clock) == (before.course, before.facts, BEGAN + at)
    assert outcome.letters[0].letter.detail.startswith("received_at is ahead of")


@pytest.mark.parametrize("kind", EVENTS)
@pytest.mark.parametrize("which", ["effective", "received"])
def test_either_time_ahead_is_from_the_future(kind: str, which: str) -> None:
    at = 32 * MINUTE
    for ahead, expected in ((2 * MINUTE, []), (2 * MINUTE + 1, ["from_the_future"])):
        effective, received = (at + ahead * (which == name) for name in ("effective", "received"))
        outcome = ill().event(effective, appended=at, received=received, **({"type": kind} | EVENTS[kind]))
        assert reasons(outcome) == expected


def test_a_feed_that_is_a_little_ahead_is_believed() -> None:
    ward = ill()
    ward.event(40 * MINUTE, appended=40 * MINUTE, received=42 * MINUTE, type="vitals", **EVENTS["vitals"])
    assert ward.state().clock == BEGAN + 42 * MINUTE


@pytest.mark.parametrize(("behind", "known_at"), [(7 * DAY, 3 * DAY), (7 * DAY + 1, 10 * DAY), (YEAR, 10 * DAY)])
def test_an_arrival_of_more_than_a_week_ago_is_not_believed(behind: int, known_at: int) -> None:
    """The broker had it on the tenth day: that is when we could know."""
    ward = Ward()
    appended = 10 * DAY
    ward.event(appended - behind, appended=appended, received=appended - behind, **FEVER)
    assert ward.state().clock == BEGAN + known_at - (1 if behind == 7 * DAY + 1 and known_at < appended else 0)


@pytest.mark.parametrize("timestamp", [0, -1, 86_400_000])
def test_a_record_without_a_time_is_judged_by_the_last_tick(timestamp: int) -> None:
    ward = ill()
    event = {"type": "vitals", "event_id": "e9", "patient_id": "p1", "effective_at": iso(20 * MINUTE)}
    outcome = ward.append(event | {"oxygen_device": "bipap", "source": "charted"}, timestamp)
    assert ward.state().clock == BEGAN + 31 * MINUTE
    assert {one.alert.raised_at for one in outcome.alerts} == {to_datetime(BEGAN + 31 * MINUTE)}
    assert {one.alert.effective_at.year for one in outcome.alerts} == {to_datetime(BEGAN).year}


def test_without_any_clock_an_event_is_known_when_it_was_true() -> None:
    ward = Ward()
    ward.append({**FEVER, "event_id": "e1", "patient_id": "p1", "effective_at": iso(HOUR)}, -1)
    assert ward.state().clock == BEGAN + HOUR


@pytest.mark.parametrize("appended", [0, -1])
def test_without_the_brokers_clock_a_feeds_is_believed(appended: int) -> None:
    ward = Ward()
    content = {**FEVER, "event_id": "e1", "patient_id": "p1", "effective_at": iso(0), "received_at": iso(MINUTE)}
    ward.append(content, appended)
    assert ward.state().clock == BEGAN + MINUTE


TOLERATED = 2 * MINUTE


@pytest.mark.parametrize(
    ("wrong", "judged"),
    [(TOLERATED, TOLERATED), (TOLERATED + SECOND, 0), (YEAR, 0), (-TOLERATED, -TOLERATED), (-TOLERATED - SECOND, 0)],
)
def test_a_tick_of_a_wrong_clock_counts_by_the_brokers(wrong: int, judged: int) -> None:
    ward = ill()
    at = 9 * HOUR
    outcome = ward.tick(at + wrong, appended=at)
    assert outcome.ticked_at == BEGAN + at + judged
    assert "repeat_dose_eligible" in [one.alert.kind for one in outcome.alerts], "eight hours after the dose"
    assert {one.alert.raised_at for one in outcome.alerts} == {to_datetime(BEGAN + at + judged)}


def test_a_tick_a_year_ahead_makes_nothing_due() -> None:
    ward = ill()
    before = ward.state()
    outcome = ward.tick(YEAR, appended=32 * MINUTE)
    assert outcome.alerts == []
    assert ward.state().course == before.course


def test_what_goes_on_to_another_patient_keeps_its_time() -> None:
    for timestamp, received in ((BEGAN + HOUR, iso(HOUR)), (0, None)):
        ward = ill()
        ward.event(35 * MINUTE, type="patient", merged_into="p2")
        event = {"type": "vitals", "event_id": "e9", "patient_id": "p1", "effective_at": iso(36 * MINUTE)}
        (forward,) = ward.append(event | EVENTS["vitals"], timestamp).forwards
        assert json.loads(forward.value).get("received_at") == received


@pytest.mark.parametrize("timestamp", [-1, 0, 1_772_438_400_000_000, 253_402_300_799_999, 1 << 62])
def test_no_record_time_stops_a_partition(timestamp: int) -> None:
    """Writers' clocks may say anything: microseconds, or the end of the calendar."""
    ward = ill()
    assert reasons(ward.append({"type": "vitals"}, timestamp)) == ["missing_field"]
    assert ward.append({"type": "tick", "effective_at": iso(40 * MINUTE)}, timestamp).ticked_at == BEGAN + 40 * MINUTE
    named = {"event_id": "e9", "patient_id": "p1", "effective_at": iso(20 * MINUTE)}
    assert reasons(ward.append({"type": "vitals"} | named | EVENTS["vitals"], timestamp)) == []


def test_a_void_of_a_clock_ahead_is_over_with_the_next_reading_of_its_device() -> None:
    ward = ill()
    at = 32 * MINUTE
    void: dict[str, Any] = EVENTS["void"] | {"device_id": "m1"}
    assert [one.alert.status for one in ward.event(at + HOUR, appended=at, **void).alerts] == ["raised"]
    other = ward.event(at + SECOND, type="vitals", **EVENTS["vitals"])
    assert "data_quality" not in [one.alert.kind for one in other.alerts], "another clock says nothing about this one"
    after = ward.event(at + 2 * SECOND, type="vitals", device_id="m1", **EVENTS["vitals"])
    assert ("data_quality", "resolved") in [(one.alert.kind, one.alert.status) for one in after.alerts]
