"""Every guard of the fast path matters: the story that needs it goes wrong without it."""

from __future__ import annotations

from typing import Any, NamedTuple
from unittest.mock import patch

import pytest

from monitor.course import fast_path, further_signals
from monitor.course.further_signals import JudgedSignal
from tests.monitor.fast_path_guards import Guard, guards, without
from tests.oracle import MINUTE, SECOND
from tests.properties.fast_and_full import Happening, How, difference
from tests.properties.records import START, iso

Json = dict[str, Any]
HOUR = 60


class Row(NamedTuple):
    """What happens some minutes after 08:00."""

    minute: float
    event: Json
    how: How = "live"


class Story(NamedTuple):
    """Why the guard is there, and what happens to the patient."""

    why: str
    rows: list[Row]
    further: tuple[JudgedSignal, ...] = ()
    exact: bool = False  # a timer must not be early either


def monitor(minute: float, how: How = "live", **signals: float) -> Row:
    return Row(minute, {"type": "vitals", "source": "monitor", **signals}, how)


def charted(minute: float, how: How = "live", **signals: object) -> Row:
    return Row(minute, {"type": "vitals", "source": "charted", **signals}, how)


def stable(*minutes: float, heart_rate_per_min: float = 80.0) -> list[Row]:
    steady = {"systolic_mmhg": 110.0, "temperature_celsius": 36.9, "heart_rate_per_min": heart_rate_per_min}
    return [Row(minute, {"type": "vitals", "source": "monitor", **steady}) for minute in minutes]


INFUSED = Row(0, {"type": "patient", "infused_at": iso(START), "weight_kg": 80.0})
TICK = {"type": "tick"}
FEVER = charted(0, temperature_celsius=38.6, systolic_mmhg=112.0)
GRADE_2 = charted(0, temperature_celsius=38.6, systolic_mmhg=84.0)
TOCILIZUMAB = Row(
    1,
    {"type": "medication", "drug": "tocilizumab", "action": "given", "dose": 640.0, "dose_unit": "mg", "route": "iv"},
)
ACETAMINOPHEN = Row(
    1,
    {"type": "medication", "drug": "acetaminophen", "action": "given", "dose": 1.0, "dose_unit": "g", "route": "oral"},
)

STORIES = {
    "due_at is not None and log_at >= due_at": Story(
        "what is due by time alone comes with the reading when the tick is late",
        [INFUSED, GRADE_2, TOCILIZUMAB, *[monitor(m, systolic_mmhg=84.0) for m in range(2, 75, 10)]],
    ),
    "fact[0] > log_at + profile.clock_ahead": Story(
        "a reading from the future is not judged", [*stable(0, 1), stable(2)[0]._replace(how="future"), *stable(3)]
    ),
    "log_at >= vitals_at + profile.monitor_silence": Story(
        "a reading after a silence ends the alert about it",
        [INFUSED, *stable(0, 1), Row(20, TICK, "tick"), *stable(21)],
    ),
    "vitals_charted and (not fact.charted)": Story(
        "a monitor's silence is noticed after minutes, that of charted vitals after hours",
        [INFUSED, charted(0, temperature_celsius=36.9), *[monitor(m, temperature_celsius=36.9) for m in (1, 2)]],
    ),
    "rejects": Story(
        "the implausible values of one signal are remembered when another is read",
        [*stable(0, 1), monitor(2, "implausible", respiratory_rate_per_min=900.0), *stable(3)],
    ),
    "clock_ahead_at is not None": Story(
        "a clock that is right again ends the alert about it",
        [*stable(0, 1), stable(2)[0]._replace(how="future"), *stable(2.5)],
    ),
    "state.defect_at is not None": Story(
        "a patient who is judged again is no longer unmonitored",
        [*stable(0, 1), stable(2)[0]._replace(how="defect"), *stable(2.5)],
    ),
    "state.catching_up is not None": Story(
        "what waited for a downtime is told with the first live reading",
        [
            INFUSED,
            *stable(0, 1),
            monitor(2, "backlog", temperature_celsius=38.6),
            monitor(2.05, temperature_celsius=38.6),
        ],
    ),
    "event.replaces is not None": Story(
        "a correction takes the first entry out",
        [*stable(0, 1), Row(2, {"type": "vitals", "source": "monitor", "systolic_mmhg": 111.0, "replaces": "S0"})],
    ),
    "is_known": Story(
        "what was voided before it came stays out",
        [*stable(0, 1), Row(2, {"type": "vitals", "status": "entered_in_error", "replaces": "S3"}), *stable(3)],
    ),
    "at == LONG_AGO": Story(
        "the first reading begins the course",
        [monitor(0, heart_rate_per_min=90.0), monitor(1, heart_rate_per_min=91.0)],
    ),
    "seen_at <= at": Story("a late reading goes to its place", [*stable(0, 2), stable(1.5)[0], *stable(3)]),
    "seen_at >= timer": Story(
        "a grade that has fallen by time alone is known at once",
        [INFUSED, GRADE_2, *[charted(m, systolic_mmhg=110.0) for m in (1, 20, 40)]],
    ),
    "ice is not None": Story("an ICE score is kept", [*stable(0, 1), charted(2, ice_score=7)]),
    "avpu is not None": Story("the consciousness is kept", [*stable(0, 1), charted(2, consciousness="voice")]),
    "further": Story(
        "a signal that some rule reads is kept",
        [*stable(0, 1, heart_rate_per_min=90.0), *stable(2, heart_rate_per_min=120.0)],
        further=(JudgedSignal("heart_rate_per_min", lambda _: (10_000,)),),
    ),
    "oxygen is None": Story(
        "the first oxygen device is kept", [*stable(0, 1), charted(2, oxygen_device="nasal_cannula")]
    ),
    "device not in (None, oxygen.device)": Story(
        "another oxygen device is kept",
        [*stable(0), charted(1, oxygen_device="blow_by"), charted(2, oxygen_device="face_mask")],
    ),
    "flow not in (None, oxygen.flow)": Story(
        "another oxygen flow is kept",
        [
            *stable(0),
            charted(1, oxygen_device="nasal_cannula", oxygen_flow_l_per_min=2.0),
            charted(2, oxygen_device="nasal_cannula", oxygen_flow_l_per_min=8.0),
        ],
    ),
    "fio2 not in (None, oxygen.fio2)": Story(
        "another oxygen fraction is kept",
        [
            *stable(0),
            charted(1, oxygen_device="venturi", fio2_fraction=0.28),
            charted(2, oxygen_device="venturi", fio2_fraction=0.5),
        ],
    ),
    "counted_sbp is None": Story("a low systolic pressure counts", [*stable(0, 1), charted(2, systolic_mmhg=84.0)]),
    "counted_map is None": Story(
        "a low mean pressure counts",
        [charted(0, mean_arterial_mmhg=80.0), charted(1, mean_arterial_mmhg=50.0)],
    ),
    "counted_spo2 is None": Story(
        "a low oxygen saturation counts", [charted(0, spo2_percent=97.0), charted(1, spo2_percent=85.0)]
    ),
    "temperature is None": Story(
        "the first temperature is kept",
        [monitor(0, systolic_mmhg=110.0), monitor(1, systolic_mmhg=110.0), *stable(2)],
    ),
    "(temperature[0] >= threshold) != (tenths >= threshold)": Story(
        "a fever that a drug has brought down is masked",
        [INFUSED, FEVER, ACETAMINOPHEN, charted(2, temperature_celsius=36.9)],
    ),
    "fever is None": Story(
        "a patient who was hot before the infusion is hot after it",
        [
            INFUSED,
            Row(0, {"type": "assessment", "kind": "attribution", "axis": "fever", "attributed_to_crs": False}),
            charted(1, temperature_celsius=38.6),
            Row(1.6, {"type": "patient", "infused_at": iso(START + 90 * SECOND)}),
            charted(2, temperature_celsius=38.6),
        ],
    ),
    "seen_at >= fever.at + profile.fever_holds": Story(
        "a fever after the last one lapsed is a new one",
        [
            INFUSED,
            FEVER,
            *[charted(h * HOUR, systolic_mmhg=112.0) for h in range(1, 25)],
            charted(24 * HOUR + 1, systolic_mmhg=112.0),
            charted(24 * HOUR + 2, temperature_celsius=38.6),
        ],
    ),
    "counted is None": Story(
        "the first reading of a signal is kept",
        [monitor(0, temperature_celsius=36.9), *[monitor(m, mean_arterial_mmhg=80.0) for m in (1, 2)]],
    ),
    "pending is not None": Story(
        "nothing is due any more for a reading that was contradicted",
        [*stable(0, 1), monitor(2, systolic_mmhg=84.0), *stable(2.5)],
        exact=True,
    ),
    "(counted[0] < below) != (value < below)": Story(
        "a pressure that falls below the limit is judged", [*stable(0, 1), charted(2, systolic_mmhg=84.0)]
    ),
}


def goes_wrong(story: Story) -> str | None:
    """How the fast path parts from the full way in a story; None: it does not."""
    happenings = [
        Happening(row.how, START + round(row.minute * MINUTE), {**row.event, "event_id": f"S{n}", "patient_id": "A"})
        for n, row in enumerate(story.rows)
    ]
    try:
        with patch.object(further_signals, "FURTHER_SIGNALS", story.further):
            return difference(happenings, exact=story.exact)
    except (TypeError, AttributeError, ValueError, AssertionError) as error:
        return f"raises {type(error).__name__}"


def named(guard: Guard) -> str:
    return guard.text


@pytest.mark.parametrize("guard", guards(), ids=named)
def test_every_guard_is_needed_by_its_story(guard: Guard) -> None:
    story = STORIES[guard.text]
    assert goes_wrong(story) is None, "with all guards in place"
    with without(guard):
        assert goes_wrong(story) is not None


def test_no_story_is_about_a_guard_that_is_gone() -> None:
    assert sorted(STORIES) == sorted(guard.text for guard in guards())


def test_the_guards_are_put_back() -> None:
    before = fast_path.course_after
    with without(guards()[0]):
        assert fast_path.course_after is not before
    assert fast_path.course_after is before
