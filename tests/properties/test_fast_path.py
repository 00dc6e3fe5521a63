"""The fast paths give what the full ways give: a reading like the one before, and a course folded from nearby."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from unittest.mock import patch

from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.record import late_events
from monitor.units import LONG_AGO
from tests.oracle import MINUTE, SECOND
from tests.properties.clinical import course_at, open_alerts
from tests.properties.fast_and_full import Happening, How, difference, timers, with_timeless_memory, without_fast_paths
from tests.properties.records import CHARTED, MONITORED, START, Entry, Json, end_of, fields, iso, maybe, play, records

# Readings within the same bands: of a patient without fever, and of one with a fever.
STABLE = fields(
    "vitals",
    source=st.just("monitor"),
    temperature_celsius=maybe(36.9, 37.2, 37.9),
    systolic_mmhg=maybe(108.0, 112.0, 112.0),
    mean_arterial_mmhg=maybe(78.0, 80.0, 80.0),
    spo2_percent=maybe(96.0, 98.0, 98.0),
    heart_rate_per_min=st.just(90.0),
)
FEVERISH = fields(
    "vitals", source=st.just("monitor"), temperature_celsius=st.sampled_from([38.4, 38.6]), systolic_mmhg=maybe(108.0)
)
HYPOTENSIVE = fields(
    "vitals",
    source=st.just("monitor"),
    temperature_celsius=maybe(38.4, 38.6),
    systolic_mmhg=st.sampled_from([84.0, 86.0]),
)
ON_OXYGEN = fields(
    "vitals",
    source=st.just("charted"),
    oxygen_device=maybe("nasal_cannula"),
    oxygen_flow_l_per_min=maybe(2.0),
    fio2_fraction=maybe(0.28, 0.32),
    spo2_percent=st.just(96.0),
)
ARTEFACT = st.just({"type": "vitals", "source": "monitor", "systolic_mmhg": 50.0})
LEAVING = st.sampled_from([{"type": "patient", "status": "discharged"}, {"type": "patient", "merged_into": "B"}])
INFUSED: Json = {"type": "patient", "infused_at": iso(START), "weight_kg": 80.0}
GRADE_2: Json = {"type": "vitals", "source": "charted", "temperature_celsius": 38.6, "systolic_mmhg": 84.0}


@contextmanager
def from_the_checkpoint() -> Iterator[None]:
    from_nearby = late_events.refold
    with patch.object(late_events, "refold", lambda guideline, state, since: from_nearby(guideline, state, LONG_AGO)):
        yield


RARE = (ON_OXYGEN, ON_OXYGEN, MONITORED, CHARTED, ARTEFACT)
# What was there before the stream, and the readings of the stream.
PATIENTS = (
    ((), st.one_of(*[STABLE] * 8, *[FEVERISH] * 2, *RARE)),
    ((INFUSED,), st.one_of(*[FEVERISH] * 8, *[STABLE] * 2, *RARE)),
    ((INFUSED, GRADE_2), st.one_of(*[HYPOTENSIVE] * 12, ON_OXYGEN, MONITORED)),
)
LIVE: How = "live"
RARELY: list[How] = ["backlog", "backlog", "defect", "future", "implausible", "void", "infusion", "tick", "tick"]
HOW = st.sampled_from([*[LIVE] * 16, *RARELY])
GAPS_S = st.sampled_from([1, 1, 5, 20, 60, 300, 600, 600, 1200])


@st.composite
def rough_streams(draw: st.DrawFn) -> list[Happening]:
    """A monitor's stream with all that the fast path must not pass over, ticks now and then, and mostly too late."""
    before, readings = draw(st.sampled_from(PATIENTS))
    chosen = draw(st.lists(st.tuples(HOW, GAPS_S, readings), min_size=10, max_size=60))
    leaves_at = draw(st.one_of(st.none(), st.integers(5, 59)))
    at = START
    happenings = [
        Happening("live", at, {**event, "event_id": f"B{number}", "patient_id": "A"})
        for number, event in enumerate(before)
    ]
    for number, (how, gap, reading) in enumerate(chosen):
        at += gap * SECOND
        event: Json = reading
        if number == leaves_at:
            how, event = LIVE, draw(LEAVING)
        elif how == "infusion":
            event = {"type": "patient", "infused_at": iso(at - draw(st.sampled_from([0, 30, 3600])) * SECOND)}
        elif how == "implausible":
            event = {**reading, "respiratory_rate_per_min": 900.0}
        elif how == "void":
            # It names the reading after the next one: it is voided before it comes.
            event = {"type": "vitals", "status": "entered_in_error", "replaces": name(number + 2)}
        happenings.append(Happening(how, at, {**event, "event_id": name(number), "patient_id": "A"}))
    return happenings


def name(number: int) -> str:
    return f"S{number:03d}"


@settings(max_examples=150)
@given(rough_streams())
def test_the_fast_path_gives_the_state_of_the_full_way(happenings: list[Happening]) -> None:
    assert difference(happenings) is None


@st.composite
def streams(draw: st.DrawFn) -> list[Entry]:
    """A monitor that sends much the same again and again, now and then something else."""
    readings = draw(st.lists(st.one_of(*[STABLE] * 4, MONITORED), min_size=30, max_size=70))
    seconds = draw(st.sampled_from([1, 20, 60, 300]))
    return [
        Entry({**one, "event_id": name(number), "patient_id": "A"}, START + at, START + at)
        for number, one in enumerate(readings)
        if (at := number * seconds * SECOND) >= 0
    ]


@settings(max_examples=60)
@given(records(hours=1), streams())
def test_a_stream_beside_a_record_comes_to_the_same_state(entries: list[Entry], stream: list[Entry]) -> None:
    """With ticks in time, and long enough that observations are thinned."""
    together = sorted([*entries, *stream], key=lambda entry: entry.received_at)
    until = end_of(together) + 31 * MINUTE
    fast = play(together, until)
    with without_fast_paths():
        full = play(together, until)
    assert fast.alerts == full.alerts
    for patient_id, state in full.states.items():
        one = fast.states[patient_id]
        assert all(early <= exact for early, exact in zip(timers(one), timers(state), strict=True))
        course = one.course._replace(timer=state.course.timer)
        assert with_timeless_memory(one._replace(course=course, due_at=state.due_at)) == with_timeless_memory(state)


def changes_limits(event: Json) -> bool:
    """Whether the limits of the patient's blood pressure may change with an event."""
    return bool({"age_years", "birth_date", "baseline_systolic_mmhg"} & event.keys())


@st.composite
def delayed(draw: st.DrawFn) -> list[Entry]:
    """Such a monitor and a record, as they arrive where some of it comes late.

    The patient's limits stay as they are. Thinning uses the limits of today (decision 0004): where they change,
    readings from before the change may be thinned that a course folded anew would have needed.
    """
    arrived = []
    for entry in [*draw(records(hours=1)), *draw(streams())]:
        if not changes_limits(entry.content):
            delay = draw(st.sampled_from([0, 0, 0, 0, 1, 20, 90, 900, 3600])) * SECOND
            arrived.append(replace(entry, received_at=entry.received_at + delay))
    return sorted(arrived, key=lambda entry: entry.received_at)


@settings(max_examples=60)
@given(delayed())
def test_what_comes_late_is_folded_from_nearby_to_the_same_state(arrived: list[Entry]) -> None:
    until = end_of(arrived) + 31 * MINUTE
    with patch.object(late_events, "REMEMBER_COURSES_FROM", 0):  # A course is remembered even with few observations.
        nearby = play(arrived, until)
        with from_the_checkpoint():
            anew = play(arrived, until)
    assert nearby.states["A"].recent_courses
    assert nearby.alerts == anew.alerts
    assert open_alerts(nearby) == open_alerts(anew)
    assert course_at(nearby) == course_at(anew)
    assert nearby.states["A"].facts == anew.states["A"].facts
