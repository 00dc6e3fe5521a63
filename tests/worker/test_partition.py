"""One partition in memory: every offset has exactly one disposition, whatever the record holds."""

from __future__ import annotations

import json
from typing import Any

import pytest

from agents.engine.partition import Partition
from monitor.guidelines import in_force
from monitor.record import row
from tests.worker.records import BEGAN, LogRecord, event, instant, tick, vitals

GUIDELINE = in_force.load("house")
LOG = "crs.patient-events"


def partition(**given: object) -> Partition:
    return Partition(GUIDELINE, 0, LOG, **given)  # type: ignore[arg-type]


FEVER: dict[str, Any] = {"temperature_celsius": 38.4}
LOW: dict[str, Any] = {"systolic_mmhg": 84, "source": "charted"}


def test_every_offset_has_exactly_one_disposition() -> None:
    records = [
        vitals(0, **FEVER),
        LogRecord(1, BEGAN, b"p1", b"{not json"),
        tick(2),
        vitals(3, at=-60),
        vitals(4)._replace(value=vitals(0, **FEVER).value),
        vitals(5, at=900),
    ]
    outcome = partition().apply(records)
    assert dict(outcome.dispositions) == {"applied": 1, "dead_letter": 2, "tick": 1, "late": 1, "duplicate": 1}
    assert [letter.letter.reason for letter in outcome.letters] == ["not_json", "from_the_future"]


def test_a_record_delivered_again_is_skipped() -> None:
    one = partition()
    first = one.apply([vitals(0, **FEVER), vitals(1, **LOW)])
    assert [sent.alert.kind for sent in first.alerts if sent.offset == 1]
    again = one.apply([vitals(0, **FEVER), vitals(1, **LOW), vitals(2)])
    assert dict(again.dispositions) == {"skipped": 2, "applied": 1}
    assert again.alerts == []


def test_batches_of_any_size_come_to_the_same_rows() -> None:
    records = [vitals(0, **FEVER), tick(1), vitals(2, **LOW), tick(3), tick(4, at=8 * 3600)]
    whole, single = partition(), partition()
    at_once = whole.apply(records).alerts
    singly = [alert for record in records for alert in single.apply([record]).alerts]
    assert whole.row("p1") == single.row("p1")
    assert at_once == singly


def test_a_row_ahead_of_its_marker_is_not_applied_twice() -> None:
    """A worker died between the batch of the row and that of the marker, or a paused one wrote an old marker."""
    records = [vitals(0, "p1", **FEVER), vitals(1, "p2", **FEVER), vitals(2, "p1", **LOW), tick(3, at=8 * 3600)]
    straight = partition()
    straight.apply(records)
    ahead = {"p1": straight.row("p1")}
    resumed = partition(rows=ahead, next_offset=0)
    outcome = resumed.apply(records)
    assert resumed.row("p1") == straight.row("p1")
    assert resumed.row("p2") == straight.row("p2")
    assert outcome.dispositions["skipped"] == 2
    later = [tick(4, at=9 * 3600)]
    assert resumed.apply(later).alerts == straight.apply(later).alerts


def test_rows_come_back_as_they_were() -> None:
    one = partition()
    one.apply([vitals(0, **FEVER), vitals(1, **LOW), tick(2)])
    rows = {patient: row.decode(row.encode(one.row(patient))) for patient in one}
    again = partition(rows=rows, next_offset=one.next_offset)
    more = [vitals(3, systolic_mmhg=120, source="charted"), tick(4, at=8 * 3600)]
    assert [sent.alert for sent in again.apply(more).alerts] == [sent.alert for sent in one.apply(more).alerts]
    assert again.row("p1") == one.row("p1")


def test_an_event_in_the_wrong_partition_is_forwarded_unchanged() -> None:
    written = vitals(0, "p9", **FEVER, surprise="kept")
    outcome = partition(owns_patient=lambda patient: patient != "p9").apply([written])
    assert dict(outcome.dispositions) == {"forwarded": 1}
    (forward,) = outcome.forwards
    forwarded = json.loads(forward.value)
    assert forward.patient_id == "p9"
    assert forwarded["surprise"] == "kept"
    assert forwarded["received_at"], "its log time goes with it"


def test_a_merge_sends_the_story_on_and_later_events_after_it() -> None:
    one = partition()
    one.apply([vitals(0, "old", **FEVER)])
    merged = one.apply(
        [event(1, "patient", "old", merged_into="new"), vitals(2, "old", temperature_celsius=99.0, **LOW)]
    )
    story, moved = merged.forwards
    assert story.patient_id == moved.patient_id == "new"
    assert json.loads(moved.value)["temperature_celsius"] == 99.0, "what is implausible is judged where it belongs"
    assert merged.alerts[0].alert.reason == "merged into another record"


def test_ticks_judge_whoever_is_due_and_leave_the_others_alone() -> None:
    one = partition()
    one.apply([vitals(0, "p1", **FEVER), vitals(1, "p2")])
    outcome = one.apply([tick(2, at=3600)])
    assert list(outcome.touched) == ["p1"], "no vitals for 15 minutes: only the one who is watched"
    assert [sent.alert.kind for sent in outcome.alerts] == ["signal_lost"]


def test_log_time_is_the_brokers_when_the_event_has_none() -> None:
    one = partition()
    (sent, *_) = one.apply([vitals(5, at=0, **FEVER)]).alerts
    assert sent.alert.raised_at.isoformat() == instant(5)
    assert sent.appended_ms == BEGAN + 5000


def test_only_clinical_changes_are_to_be_published_at_once() -> None:
    one = partition()
    assert list(one.apply([vitals(0, **FEVER)]).changed) == ["p1"]
    quiet = one.apply([vitals(1, temperature_celsius=38.5)])
    assert (list(quiet.touched), list(quiet.changed)) == (["p1"], [])
    assert list(one.apply([vitals(2, oxygen_device="bipap", source="charted")]).changed) == ["p1"]


@pytest.mark.parametrize("poison", [b"", b"[]", b"\xff\xfe", b"{" * 5000, b'{"type":"moon"}', b"1e99999", b"null"])
def test_poison_is_a_dead_letter_and_the_next_patient_is_judged(poison: bytes) -> None:
    one = partition()
    outcome = one.apply([LogRecord(0, BEGAN, b"p1", poison), vitals(1, **FEVER)])
    assert dict(outcome.dispositions) == {"dead_letter": 1, "applied": 1}
    (letter,) = outcome.letters
    assert (letter.key, letter.letter.topic, letter.letter.offset) == (b"p1", LOG, 0)
    assert letter.letter.original() == poison
