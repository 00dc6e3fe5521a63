"""Short cuts come to the same as the long way: a reading like the one before, a model made without validation."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from unittest.mock import patch

from hypothesis import given, settings
from hypothesis import strategies as st

from monitor import fast_path
from monitor.course import observations
from monitor.record import history
from monitor.units.instants import LONG_AGO
from schemas.alerts import Alert
from schemas.state import PatientState
from tests.oracle import MINUTE, SECOND
from tests.properties.clinical import course_at, seen, standing
from tests.properties.records import MONITORED, START, Entry, end_of, play, records

STEADY = st.fixed_dictionaries(
    {
        "type": st.just("vitals"),
        "source": st.just("monitor"),
        "temperature_celsius": st.sampled_from([36.9, 37.2, 37.9]),
        "systolic_mmhg": st.sampled_from([108.0, 112.0]),
        "mean_arterial_mmhg": st.sampled_from([78.0, 80.0]),
        "spo2_percent": st.sampled_from([96.0, 98.0]),
    }
)


@contextmanager
def the_long_way():  # type: ignore[no-untyped-def]
    with (
        patch.object(fast_path, "apply_unchanged_reading", lambda *_: None),
        patch.object(observations, "advance_within_bands", lambda *_: None),
    ):
        yield


@contextmanager
def from_the_checkpoint():  # type: ignore[no-untyped-def]
    from_nearby = history.refold
    with patch.object(history, "refold", lambda guideline, state, since: from_nearby(guideline, state, LONG_AGO)):
        yield


@st.composite
def streams(draw: st.DrawFn) -> list[Entry]:
    """A monitor that says much the same again and again, now and then something else."""
    said = draw(st.lists(st.one_of(STEADY, STEADY, STEADY, STEADY, MONITORED), min_size=30, max_size=70))
    seconds = draw(st.sampled_from([1, 20, 60, 300]))
    return [
        Entry({**one, "event_id": f"S{number:03d}", "patient_id": "A"}, START + at, START + at)
        for number, one in enumerate(said)
        if (at := number * seconds * SECOND) >= 0
    ]


@settings(max_examples=60)
@given(records(hours=1), streams())
def test_a_reading_like_the_one_before_takes_a_short_way_to_the_same_place(
    entries: list[Entry], stream: list[Entry]
) -> None:
    together = sorted([*entries, *stream], key=lambda entry: entry.received_at)
    until = end_of(together) + 31 * MINUTE
    short = play(together, until)
    with the_long_way():
        long = play(together, until)
    assert short.alerts == long.alerts
    assert standing(short) == standing(long)
    assert course_at(short) == course_at(long)
    assert short.states["A"].latest == long.states["A"].latest
    assert short.states["A"].facts == long.states["A"].facts


@st.composite
def delayed(draw: st.DrawFn) -> list[Entry]:
    """Such a monitor and a record, as they arrive where some of it comes late."""
    arrived = []
    for entry in [*draw(records(hours=1)), *draw(streams())]:
        delay = draw(st.sampled_from([0, 0, 0, 0, 1, 20, 90, 900, 3600])) * SECOND
        arrived.append(replace(entry, received_at=entry.received_at + delay))
    return sorted(arrived, key=lambda entry: entry.received_at)


@settings(max_examples=60)
@given(delayed())
def test_what_comes_late_is_folded_from_nearby_to_the_same_place(arrived: list[Entry]) -> None:
    until = end_of(arrived) + 31 * MINUTE
    with patch.object(history, "REMEMBER_COURSES_FROM", 0):  # So few are as good as many: a course is remembered.
        nearby = play(arrived, until)
        with from_the_checkpoint():
            anew = play(arrived, until)
    assert nearby.states["A"].recent_courses
    assert nearby.alerts == anew.alerts
    assert standing(nearby) == standing(anew)
    assert course_at(nearby) == course_at(anew)
    assert nearby.states["A"].facts == anew.states["A"].facts


@settings(max_examples=60)
@given(records())
def test_models_of_our_own_are_as_if_they_had_been_validated(entries: list[Entry]) -> None:
    log = play(entries, end_of(entries))
    state = log.view("A")
    assert PatientState.model_validate_json(state.model_dump_json()) == state
    assert PatientState.model_validate_json(state.model_dump_json()).model_dump_json() == state.model_dump_json()
    assert seen(log)
    for alert in log.alerts["A"]:
        assert Alert.model_validate_json(alert.model_dump_json()) == alert
        assert Alert.model_validate_json(alert.model_dump_json()).model_dump_json() == alert.model_dump_json()
