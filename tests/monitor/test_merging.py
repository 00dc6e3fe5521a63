"""Merges that are undone, too late to be undone, and merges of merged records."""

from __future__ import annotations

import json
from collections import defaultdict
from typing import Any

import pytest

from agents.engine.partition import Partition
from monitor.guidelines.in_force import load
from monitor.merging import MAX_MERGES, MAX_PAST_MERGES
from monitor.units import DAY, MINUTE, to_datetime
from schemas.decode import decode
from schemas.decoded import Refused
from tests.monitor.bed import START
from tests.worker.records import LogRecord

WEEK = 7 * DAY / MINUTE
ILL: dict[str, Any] = {"type": "vitals", "temperature_celsius": 39.0, "systolic_mmhg": 84.0, "source": "charted"}


def iso(minute: float) -> str:
    return to_datetime(round(START + minute * MINUTE)).isoformat()


class Ward:
    """A log of one partition: what the judgement forwards is appended to it, as a worker does."""

    def __init__(self) -> None:
        self.partition = Partition(load(), 0, "crs.patient-events")
        self.events = 0
        self.letters: list[str] = []
        self.alerts: dict[str, list[str]] = defaultdict(list)

    def take(self, minute: float, patient_id: str, event_id: str = "", **content: Any) -> None:
        event = {"event_id": event_id or f"e{self.events}", "patient_id": patient_id, "effective_at": iso(minute)}
        self._append(minute, json.dumps(event | content).encode())

    def merge(self, minute: float, one: str, other: str) -> None:
        self.take(minute, one, f"{one}>{other}", type="patient", merged_into=other)

    def undo(self, minute: float, one: str, other: str) -> None:
        void: dict[str, Any] = {"type": "patient", "replaces": f"{one}>{other}", "status": "entered_in_error"}
        self.take(minute, one, **void)

    def _append(self, minute: float, value: bytes) -> None:
        self.events += 1
        at = round(START + minute * MINUTE)
        outcome = self.partition.apply([LogRecord(self.events, at, b"", value, 0)])
        self.letters += [keyed.letter.reason for keyed in outcome.letters]
        for sent in outcome.alerts:
            self.alerts[sent.alert.patient_id].append(f"{sent.alert.rule.id} {sent.alert.status}")
        for forward in outcome.forwards:
            self._append(minute, forward.value)

    def weight(self, patient_id: str) -> float | None:
        return self.partition.state(patient_id).course.context.weight_kg

    def grade(self, patient_id: str) -> int:
        return self.partition.state(patient_id).course.held.supported

    def open(self, patient_id: str) -> set[str]:
        return {alert.rule_id for alert in self.partition.state(patient_id).alerts.open}


def two_records() -> Ward:
    ward = Ward()
    ward.take(0, "A", type="patient", weight_kg=70.0, infused_at=iso(0))
    ward.take(60, "A", **ILL)
    ward.take(90, "A", type="medication", drug="tocilizumab", action="given", dose=560.0, dose_unit="mg", route="iv")
    ward.take(0, "B", type="patient", weight_kg=90.0)
    return ward


def test_after_an_hour_both_are_as_before_with_what_came_since() -> None:
    ward = two_records()
    ward.merge(120, "A", "B")
    assert (ward.grade("A"), ward.grade("B")) == (0, 2)
    ward.take(130, "A", type="patient", bed="7")
    ward.take(140, "B", type="vitals", temperature_celsius=36.8, source="charted")
    ward.undo(180, "A", "B")
    assert (ward.grade("A"), ward.weight("A"), ward.grade("B"), ward.weight("B")) == (2, 70.0, 0, 90.0)
    assert ward.partition.state("A").course.context.bed == "7"
    assert ward.partition.state("B").course.context.bed is None
    assert len(ward.partition.state("A").course.doses) == 1
    assert "escalation" in ward.open("A"), "raised again"
    assert ward.open("B") == set()
    assert "escalation retracted" in ward.alerts["B"]
    ward.take(190, "A", **ILL | {"systolic_mmhg": 120.0})
    assert ward.partition.state("B").course.sbp.counted is None, "nothing goes on to the other any more"


@pytest.mark.parametrize(("minutes", "undone"), [(WEEK - 1, True), (WEEK, False), (WEEK + 1, False)])
def test_for_a_week_a_merge_can_be_undone(minutes: float, undone: bool) -> None:
    ward = two_records()
    ward.merge(120, "A", "B")
    ward.undo(120 + minutes, "A", "B")
    assert ward.letters == ([] if undone else ["merge_not_undone"])
    assert ("data-merge" in ward.open("A"), "data-merge" in ward.open("B")) == (not undone, not undone)
    assert ward.partition.state("A").merged_into == (None if undone else "B")


def test_it_is_too_late_also_when_other_events_came_since() -> None:
    ward = two_records()
    ward.merge(120, "A", "B")
    ward.take(120 + WEEK, "A", type="patient", bed="7")
    ward.take(121 + WEEK, "B", type="patient", bed="8")
    assert (ward.partition.state("A").merges, ward.partition.state("B").merges) == ((), ())
    ward.undo(130 + WEEK, "A", "B")
    assert ward.letters == ["merge_not_undone"]
    assert "data-merge" in ward.open("A") & ward.open("B")


def test_a_merge_of_merged_records_is_undone_at_the_end_of_the_way() -> None:
    ward = two_records()
    ward.take(0, "C", type="patient", weight_kg=50.0)
    ward.merge(120, "A", "B")
    ward.merge(130, "B", "C")
    ward.take(140, "A", type="patient", bed="7")
    assert ward.grade("C") == 2
    ward.undo(150, "A", "B")
    assert (ward.grade("A"), ward.grade("C"), ward.weight("C")) == (2, 0, 50.0)
    assert ward.partition.state("A").course.context.bed == "7"
    assert ward.partition.state("C").course.context.bed is None
    ward.undo(160, "B", "C")
    assert (ward.weight("B"), ward.weight("C")) == (90.0, 50.0)
    assert [one.event_id for one in ward.partition.state("C").course.contexts] == ["e4"]
    assert ward.letters == []


def test_the_second_merge_alone_is_undone() -> None:
    ward = two_records()
    ward.take(0, "C", type="patient", weight_kg=50.0)
    ward.merge(120, "A", "B")
    ward.merge(130, "B", "C")
    ward.undo(150, "B", "C")
    assert (ward.grade("B"), ward.grade("C")) == (2, 0)
    ward.undo(160, "A", "B")
    assert (ward.grade("A"), ward.grade("B")) == (2, 0)


@pytest.mark.parametrize("first", ["A", "C"])
def test_of_two_merges_into_one_record_each_is_undone_by_itself(first: str) -> None:
    ward = two_records()
    ward.take(0, "C", type="patient", bed="12")
    ward.merge(120, "A", "B")
    ward.merge(130, "C", "B")
    second = "AC".replace(first, "")
    ward.undo(150, first, "B")
    context = ward.partition.state("B").course.context
    assert (ward.grade("B"), context.bed) == ((0, "12") if first == "A" else (2, None))
    ward.undo(160, second, "B")
    context = ward.partition.state("B").course.context
    assert (ward.grade("B"), context.bed, context.weight_kg) == (0, None, 90.0)


def test_a_merge_into_the_wrong_record_is_corrected() -> None:
    ward = two_records()
    ward.merge(120, "A", "B")
    right: dict[str, Any] = {"type": "patient", "merged_into": "C", "replaces": "A>B"}
    ward.take(120, "A", "right", **right)
    assert (ward.grade("A"), ward.grade("B"), ward.grade("C")) == (0, 0, 2)
    assert (ward.weight("B"), ward.weight("C")) == (90.0, 70.0)


def test_a_void_that_comes_before_its_merge() -> None:
    ward = two_records()
    ward.undo(110, "A", "B")
    ward.merge(120, "A", "B")
    assert (ward.grade("A"), ward.grade("B")) == (2, 0)
    assert ward.partition.state("A").merged_into is None


def test_so_many_merges_can_be_undone_and_the_others_are_remembered() -> None:
    ward = two_records()
    for number in range(14):
        ward.take(0, f"P{number}", type="patient", bed=f"{number}")
        ward.merge(120 + number, f"P{number}", "B")
    state = ward.partition.state("B")
    assert (len(state.merges), len(state.past_merges)) == (MAX_MERGES, MAX_PAST_MERGES)
    ward.undo(150, "P13", "B")
    assert ward.letters == []
    ward.undo(150, "P9", "B")
    assert "data-merge" in ward.open("B"), "its own record is as before, the other's cannot be"


@pytest.mark.parametrize("more", [{}, {"status": "entered_in_error", "replaces": "e1"}, {"weight_kg": "?"}])
def test_a_feed_cannot_say_that_an_event_came_by_a_merge(more: dict[str, Any]) -> None:
    event = {"type": "patient", "event_id": "e", "patient_id": "B", "effective_at": iso(0), "bed": "1"}
    value = json.dumps(event | {"merged_from": ["A"]} | more).encode()
    assert decode(value) == Refused("reserved", "merged_from: only workers write it, and only into the log")
    assert not isinstance(decode(value.replace(b"?", b""), in_log=True), Refused) or "weight_kg" in more
