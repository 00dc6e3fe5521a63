"""The simulated ward: the same for the same seed, as of now, at any rate, with ill patients within minutes."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import islice
from random import Random
from threading import Event

import pytest

from agents.engine.playback import Playback
from agents.platform.json_types import Json
from agents.simulation.live_ward import KNOTS, Clock, WardPlan, cadence, simulate
from agents.simulation.patients import generator
from agents.simulation.sending import Sender, SendingProgress, send_story
from agents.simulation.stays import starting_now
from agents.simulation.story import TimedEvent, to_iso, to_ms
from monitor.guidelines.in_force import load
from schemas.decode import decode
from schemas.decoded import Decoded

START_MS = to_ms("2026-05-01T08:00:00+00:00")
MINUTE_MS = 60_000


def ward(
    seconds: float, *, patients: int = 100, rate: float = 100, seed: int = 1, pace: float = 600
) -> list[TimedEvent]:
    """The first seconds of a ward."""
    return list(islice(simulate(WardPlan(patients, rate, seed, START_MS, pace)), round(rate * seconds)))


def test_the_same_seed_gives_the_same_events_and_another_seed_others() -> None:
    assert ward(10) == ward(10)
    assert [due.event.get("systolic_mmhg") for due in ward(10)] != [
        due.event.get("systolic_mmhg") for due in ward(10, seed=2)
    ]


def test_two_runs_share_neither_patients_nor_event_ids() -> None:
    now, later = (
        list(islice(simulate(WardPlan(20, 100, 1, start_ms, 600)), 500)) for start_ms in (START_MS, START_MS + 1000)
    )
    for name in ("patient_id", "event_id"):
        assert not {due.event[name] for due in now} & {due.event[name] for due in later}


def test_events_come_at_the_rate_and_are_true_about_now() -> None:
    story = ward(30, rate=200)
    assert [due.at_ms - START_MS for due in story] == [5 * number for number in range(6000)]
    delays = sorted(due.at_ms - to_ms(due.event["effective_at"]) for due in story)
    assert delays[len(delays) // 2] < 1000
    assert delays[-1] < 3 * MINUTE_MS, "the latest of what was charted late"


def test_a_message_that_comes_twice_is_the_same_message() -> None:
    first: dict[str, Json] = {}
    repeated = 0
    for due in ward(60, rate=200):
        event = {name: value for name, value in due.event.items() if name != "received_at"}
        repeated += event["event_id"] in first
        assert first.setdefault(event["event_id"], event) == event
    assert repeated > 20


def test_every_event_is_one_of_the_contract_but_for_the_mishaps() -> None:
    story = ward(60, rate=200)
    decoded = [decode(json.dumps(due.event).encode()) for due in story]
    assert all(isinstance(each, Decoded) for each in decoded)
    assert any(each.implausible for each in decoded if isinstance(each, Decoded))
    ahead = [due for due in story if to_ms(due.event["effective_at"]) > due.at_ms + 2 * MINUTE_MS]
    assert ahead, "a monitor with a wrong clock keeps it wrong"
    assert {due.event["type"] for due in story} == {"vitals", "medication", "patient", "assessment"}
    assert any("replaces" in due.event for due in story)


def test_patients_fall_ill_and_are_treated_within_two_minutes() -> None:
    kinds: Counter[str] = Counter()
    playback = Playback(load("house"), [lambda one: kinds.update(alert.kind for alert in one.step.alerts)])
    for due in ward(120, rate=50):
        value = json.dumps(due.event).encode()
        decoded = decode(value)
        assert isinstance(decoded, Decoded)
        playback.feed(decoded, value)
    assert kinds["onset"] >= 10
    assert kinds["escalation"] >= 5
    assert kinds["dose_indicated"] >= 5


@pytest.mark.parametrize(("patients", "rate"), [(10, 1), (100, 100), (500, 1000), (1000, 50), (2000, 3000)])
def test_illness_runs_about_as_fast_as_asked_at_any_rate(patients: int, rate: float) -> None:
    count = patients * 30
    events = generator.ward(Random(1), patients, datetime(2026, 1, 1, tzinfo=UTC), cadence=cadence(patients, rate, 600))
    instants = [to_ms(event["received_at"]) for event in islice(events, count)]
    theirs_s, ours_s = (instants[-1] - instants[0]) / 1000, count / rate
    assert 0.5 < theirs_s / ours_s / 600 < 2


def test_recorded_stays_begin_now_side_by_side_and_keep_their_order() -> None:
    def event(patient_id: str, hour: int, **more: str) -> Json:
        at = f"2110-01-0{1 if patient_id == 'a' else 5}T{hour:02}:00:00+00:00"
        return {"event_id": f"{patient_id}{hour}", "patient_id": patient_id, "effective_at": at, **more}

    recorded = [event("a", 0), event("a", 6), event("b", 0, infused_at="2110-01-04T18:00:00+00:00"), event("b", 3)]
    story = list(starting_now(recorded, START_MS, 3600))
    assert [due.event["event_id"].rpartition("-")[2] for due in story] == ["a0", "a6", "b0", "b3"]
    assert [due.at_ms - START_MS for due in story] == [0, 6000, 30_000, 33_000]
    assert all(due.event["effective_at"] == to_iso(due.at_ms) for due in story)
    assert story[2].event["infused_at"] == to_iso(START_MS + 30_000 - 6000)


def test_a_ward_that_runs_for_months_remembers_a_day() -> None:
    clock = Clock(START_MS, pace=60)
    for second in range(150_000):
        clock.observe(second * 60_000, START_MS + second * 1000)
    assert len(clock.theirs_ms) == len(clock.ours_ms) <= KNOTS
    assert clock.to_our_time(149_000 * 60_000) == START_MS + 149_000 * 1000
    assert clock.to_our_time(149_000 * 60_000 + 6000) == START_MS + 149_000 * 1000 + 100


class RecordingSender(Sender):
    """A sender that sends nothing and records the waits between events."""

    def __init__(self) -> None:
        self.account = SendingProgress()
        self.waits: list[float] = []

    def send(self, event: Json) -> None:
        self.account.sent += 1

    def wait(self, seconds: float) -> None:
        self.waits.append(seconds)
        time.sleep(seconds)

    def flush_ledger(self) -> None:
        pass

    def finish(self, waiting: Callable[[], None]) -> None:
        waiting()


def test_a_feed_of_a_thousand_events_a_second_sleeps_between_them() -> None:
    """Waits are whole milliseconds: for less librdkafka does not wait at all, and a core would be busy."""
    start_ms = time.time() * 1000
    sender = RecordingSender()
    send_story(
        (TimedEvent(round(start_ms + number), {}) for number in range(200)), sender, Event(), lambda account: None
    )
    assert sender.account.sent == 200
    assert sender.waits, "it was never late"
    assert min(sender.waits) >= 0.001
