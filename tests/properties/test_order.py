"""Repeats, late arrivals, corrections and voids: the state is that of the right record in the right order."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.oracle import MINUTE
from tests.properties.clinical import course_at, open_alerts, published
from tests.properties.records import EVENTS, Entry, end_of, play, records, shuffled


@given(st.data(), records())
def test_an_event_applied_twice_changes_nothing(data: st.DataObject, entries: list[Entry]) -> None:
    log = play(entries, end_of(entries))
    again = data.draw(st.sampled_from(entries))
    before, sent = log.states["A"], len(log.alerts["A"])
    log.receive(again.event(), log.at)
    assert log.states["A"]._replace(clock=before.clock) == before
    assert len(log.alerts["A"]) == sent


@settings(max_examples=150)
@given(st.data(), records())
def test_the_order_of_arrival_does_not_matter(data: st.DataObject, entries: list[Entry]) -> None:
    arrived = data.draw(shuffled(entries))
    until = end_of(entries, arrived) + data.draw(st.sampled_from([0, 31 * MINUTE]))
    right, late = play(entries, until), play(arrived, until)
    assert course_at(late) == course_at(right)
    assert open_alerts(late) == open_alerts(right)
    assert published(late) == published(right)


@given(st.data(), records())
def test_a_void_makes_that_an_event_never_happened(data: st.DataObject, entries: list[Entry]) -> None:
    wrong = data.draw(st.sampled_from(entries))
    void = {"type": wrong.content["type"], "status": "entered_in_error", "replaces": wrong.content["event_id"]}
    void |= {
        name: wrong.content[name] for name in ("kind", "axis", "attributed_to_crs", "state") if name in wrong.content
    }
    void |= {name: wrong.content[name] for name in ("drug", "action") if name in wrong.content}
    at = end_of(entries)
    voiding = Entry({**void, "event_id": "void", "patient_id": "A"}, wrong.effective_at, at)
    without = [entry for entry in entries if entry is not wrong]
    until = end_of([voiding])
    taken_back, never = play([*entries, voiding], until), play(without, until)
    if without:
        assert course_at(taken_back) == course_at(never)
        assert open_alerts(taken_back) == open_alerts(never)


@given(st.data(), records())
def test_a_correction_is_as_if_it_had_been_right_from_the_start(data: st.DataObject, entries: list[Entry]) -> None:
    wrong = data.draw(st.sampled_from(entries))
    right = data.draw(EVENTS.filter(lambda content: content["type"] == wrong.content["type"]))
    corrected = {**right, "event_id": "corrected", "patient_id": "A"}
    at = end_of(entries)
    correction = Entry({**corrected, "replaces": wrong.content["event_id"]}, wrong.effective_at, at)
    from_the_start = [
        Entry(corrected, entry.effective_at, entry.received_at) if entry is wrong else entry for entry in entries
    ]
    until = end_of([correction])
    later, first = play([*entries, correction], until), play(from_the_start, until)
    assert course_at(later) == course_at(first)
    assert open_alerts(later) == open_alerts(first)


@given(st.data(), records())
def test_late_data_never_clears_what_newer_data_supports(data: st.DataObject, entries: list[Entry]) -> None:
    """An old normal reading leaves alone what a person charted since."""
    log = play(entries, end_of(entries))
    before = course_at(log)
    charted = {fact.event_id for fact in log.states["A"].facts.vitals if fact.charted}
    normal = {"type": "vitals", "source": "charted", "systolic_mmhg": 125.0, "spo2_percent": 99.0}
    at = data.draw(st.integers(entries[0].effective_at - MINUTE, entries[-1].effective_at - 1))
    play([Entry({**normal, "event_id": "late", "patient_id": "A"}, at, log.at)], log.at, log)
    after = course_at(log)
    for name in ("sbp", "spo2"):
        counted = getattr(before, name).counted
        if counted is not None and counted.at > at and counted.event_id in charted:
            assert getattr(after, name).counted == counted
    assert after.infusions == before.infusions
    assert after.oxygen == before.oxygen


@given(records())
def test_a_story_and_its_repeats_come_to_the_same(entries: list[Entry]) -> None:
    twice = sorted(
        [*entries, *(replace(e, received_at=e.received_at + 7 * MINUTE) for e in entries)],
        key=lambda e: e.received_at,
    )
    until = end_of(twice)
    assert course_at(play(twice, until)) == course_at(play(entries, until))
