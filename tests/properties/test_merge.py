"""Two records turn out to be one patient: the state equals that of one patient with both records."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.oracle import DOSE_WINDOW
from tests.properties.clinical import course_at, open_alerts
from tests.properties.records import Entry, end_of, iso, play, records


def merging(entries: list[Entry], patient_id: str, into: str) -> Entry:
    at = end_of(entries)
    content = {"type": "patient", "merged_into": into, "event_id": "merge", "patient_id": patient_id}
    return Entry(content, at, at)


def renamed(patient_id: str, entry: Entry) -> Entry:
    return replace(entry, content={**entry.content, "patient_id": patient_id})


def closing(merge: Entry) -> Entry:
    """The merge, as what it also is: an entry of the record, in the story of both."""
    content = {name: value for name, value in merge.content.items() if name != "merged_into"}
    return replace(merge, content={**content, "patient_id": "A"})


def in_turn(*several: list[Entry]) -> list[Entry]:
    return sorted((entry for entries in several for entry in entries), key=lambda entry: entry.received_at)


@given(records(patient_id="B"), records())
def test_merged_records_are_one_story(provisional: list[Entry], known: list[Entry]) -> None:
    both = in_turn(provisional, known)
    merge = merging(both, "B", "A")
    until = end_of([merge])
    merged = play([*both, merge], until)
    one = play([*(renamed("A", entry) for entry in both), closing(merge)], until)
    assert course_at(merged) == course_at(one)
    assert open_alerts(merged) == open_alerts(one)
    assert not merged.states["B"].alerts.open


@given(records(patient_id="B"), records())
def test_what_comes_for_the_old_id_goes_on(provisional: list[Entry], known: list[Entry]) -> None:
    merge = merging(known, "B", "A")
    later = [replace(entry, received_at=max(entry.received_at, merge.received_at)) for entry in provisional]
    until = end_of([merge], later)
    merged = play([*known, merge, *later], until)
    one = play(in_turn([*known, closing(merge)], [renamed("A", entry) for entry in later]), until)
    assert course_at(merged) == course_at(one)
    assert merged.verdicts["forwarded"] == len(later)


@settings(max_examples=20)
@given(records())
def test_a_story_of_many_days_is_handed_over_whole(entries: list[Entry]) -> None:
    """Beyond a day only the checkpoint is left: the doses of days ago are there, at their times."""
    days_ago = [
        replace(
            entry, effective_at=entry.effective_at - 3 * DOSE_WINDOW, received_at=entry.received_at - 3 * DOSE_WINDOW
        )
        for entry in entries
    ]
    start = {"type": "patient", "infused_at": iso(days_ago[0].effective_at), "event_id": "start", "patient_id": "B"}
    old = [renamed("B", entry) for entry in days_ago]
    now = [
        replace(entry, content={**entry.content, "event_id": f"now{entry.content['event_id']}"}) for entry in entries
    ]
    began = Entry(start, days_ago[0].effective_at, days_ago[0].received_at)
    merge = merging(now, "B", "A")
    merged = play([began, *old, *now, merge], end_of([merge]))
    given_then = {(d.at, d.drug) for d in play([began, *old]).states["B"].course.doses if d.role == "tocilizumab"}
    assert given_then <= {(d.at, d.drug) for d in merged.states["A"].course.doses}


@settings(max_examples=60)
@given(records(patient_id="B"), records(), st.data())
def test_a_merge_that_is_undone_never_was(provisional: list[Entry], known: list[Entry], data: st.DataObject) -> None:
    """Whatever comes for either id before, between and after."""
    both = in_turn(provisional, known)
    merged_after, voided_after = sorted(data.draw(st.tuples(*[st.integers(0, len(both))] * 2)))
    at = both[merged_after - 1].received_at if merged_after else both[0].received_at
    merge = replace(merging(known, "B", "A"), effective_at=at, received_at=at)
    taken_back = both[voided_after - 1].received_at if voided_after else at
    content = {
        "type": "patient",
        "event_id": "void",
        "patient_id": "B",
        "replaces": "merge",
        "status": "entered_in_error",
    }
    void = Entry(content, at, taken_back)
    until = end_of([void], both)
    undone = [*both[:merged_after], merge, *both[merged_after:voided_after], void, *both[voided_after:]]
    first, never = play(undone, until), play(both, until)
    assert first.verdicts["merge_undone"] == 2
    for patient_id in "AB":
        assert course_at(first, patient_id) == course_at(never, patient_id)
        assert open_alerts(first, patient_id) == open_alerts(never, patient_id)
