"""A simulated ward that ends, or is killed, leaves nobody behind: who is in is kept in a file, and discharged."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from threading import Event
from typing import Any

from agents.cli.simulate_sending import Sending
from agents.platform.json_types import Json
from agents.platform.settings import Settings
from agents.simulation.census import Census
from agents.simulation.live_ward import WardPlan, simulate
from agents.simulation.sending import SendingProgress
from agents.simulation.story import TimedEvent
from schemas.events import Patient

BEGAN_MS = 1_790_000_000_000
LATER_MS = BEGAN_MS + 3_600_000


def moved(patient_id: str, status: str = "updated", **fields: str) -> TimedEvent:
    event: Json = {"type": "patient", "event_id": f"{patient_id}-{status}", "patient_id": patient_id, "status": status}
    return TimedEvent(BEGAN_MS, event | fields)


def seen(census: Census, *events: TimedEvent) -> list[str]:
    """Who is in after these events."""
    list(census.follow(iter(events)))
    return sorted(census.present)


def left(events: Iterator[TimedEvent]) -> list[str]:
    """Whom these events discharge, each of them valid on the wire."""
    ids = []
    for due in events:
        assert Patient.model_validate_json(json.dumps(due.event)).status == "discharged"
        ids.append(str(due.event["patient_id"]))
    return ids


def test_whoever_was_admitted_and_not_discharged_is_in(tmp_path: Path) -> None:
    census = Census(tmp_path / "census")
    events = [moved("a", "admitted"), moved("b", "admitted"), moved("c", "admitted"), moved("d")]
    assert seen(census, *events) == ["a", "b", "c"]
    assert seen(census, moved("a", "discharged"), moved("b", "died")) == ["c"]


def test_of_two_merged_patients_the_one_who_goes_on_is_in(tmp_path: Path) -> None:
    census = Census(tmp_path / "census")
    assert seen(census, moved("a-provisional", "admitted"), moved("a-provisional", merged_into="a")) == ["a"]


def test_an_admission_is_in_the_file_before_it_is_sent(tmp_path: Path) -> None:
    """A kill between the two may discharge somebody who never came; the other way round somebody would stay."""
    story = Census(tmp_path / "census").follow(iter([moved("a", "admitted"), moved("a", "discharged")]))
    next(story)
    assert (tmp_path / "census").read_text() == "a\n"
    next(story)
    assert (tmp_path / "census").read_text() == "a\n", "the discharge has not been sent yet"
    assert next(story, None) is None
    assert (tmp_path / "census").read_text() == ""


def test_the_next_start_discharges_those_of_a_run_that_was_killed(tmp_path: Path) -> None:
    seen(Census(tmp_path / "census"), moved("a", "admitted"), moved("b", "admitted"))
    again = Census(tmp_path / "census")
    assert left(again.discharges(LATER_MS)) == ["a", "b"]
    assert left(Census(tmp_path / "census").discharges(LATER_MS)) == []


def test_after_two_starts_the_ward_has_as_many_patients_as_beds(tmp_path: Path) -> None:
    beds = 8
    for start_ms in (BEGAN_MS, LATER_MS):
        census = Census(tmp_path / "census")
        list(census.discharges(start_ms))
        plan = WardPlan(beds, 40.0, 1, start_ms, 60.0)
        list(census.follow(islice(simulate(plan), 2_000)))
        assert len(census.present) == beds


class StoppedAfter:
    """Takes events as a broker would, and asks the run to stop after so many."""

    def __init__(self, events: int, leave: Event) -> None:
        self.account = SendingProgress()
        self.sent: list[Json] = []
        self._events, self._leave = events, leave

    def send(self, event: Json) -> None:
        self.sent.append(event)
        if len(self.sent) == self._events:
            self._leave.set()

    def wait(self, _seconds: float) -> None: ...

    def flush_ledger(self) -> None: ...

    def finish(self, _waiting: Any) -> None: ...


def run_of(path: Path, *story: TimedEvent, stopped_after: int) -> list[tuple[str, str]]:
    """Who was moved how in a run with this census that is asked to stop."""
    leave = Event()
    sender: Any = StoppedAfter(stopped_after, leave)
    Sending(Settings(), iter(story), 0, Census(path)).to(sender, leave, lambda _: None)
    return [(event["patient_id"], event["status"]) for event in sender.sent]


def test_a_run_that_is_asked_to_stop_discharges_everybody_and_the_next_begins_empty(tmp_path: Path) -> None:
    story = [moved("a", "admitted"), moved("b", "admitted"), moved("c", "admitted")]
    sent = run_of(tmp_path / "census", *story, stopped_after=2)
    assert sent == [("a", "admitted"), ("b", "admitted"), ("a", "discharged"), ("b", "discharged")]
    assert run_of(tmp_path / "census", moved("d", "admitted"), stopped_after=1)[0] == ("d", "admitted")


def test_a_run_after_a_kill_discharges_those_who_were_in_before_it_admits_anybody(tmp_path: Path) -> None:
    seen(Census(tmp_path / "census"), moved("a", "admitted"))
    sent = run_of(tmp_path / "census", moved("b", "admitted"), stopped_after=2)
    assert sent == [("a", "discharged"), ("b", "admitted"), ("b", "discharged")]
