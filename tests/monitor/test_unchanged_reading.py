"""Readings that take the fast path are thinned and moved into the checkpoint as those of the full way are."""

from __future__ import annotations

import pytest

from monitor.model import State
from monitor.record.facts import size
from monitor.record.late_events import MAX_FACTS
from tests.oracle import HOUR, SECOND
from tests.properties.fast_and_full import Happening, after_each, timeless, without_fast_paths
from tests.properties.records import START, Json

STEADY: tuple[Json, ...] = ({"systolic_mmhg": 110.0, "temperature_celsius": 36.9},)
# Both are low, and one is extreme: thinning keeps every one of them.
LOW_AND_EXTREME: tuple[Json, ...] = ({"systolic_mmhg": 84.0}, {"systolic_mmhg": 55.0})


def stream(readings: tuple[Json, ...], every_ms: int, until_ms: int) -> list[Happening]:
    """A monitor that sends these readings by turns."""
    return [
        Happening(
            "live",
            START + at,
            {
                "type": "vitals",
                "source": "monitor",
                "patient_id": "A",
                "event_id": f"S{at}",
                **readings[n % len(readings)],
            },
        )
        for n, at in enumerate(range(0, until_ms, every_ms))
    ]


def both_ways(happenings: list[Happening]) -> tuple[State, State]:
    """The patient after the last happening, by the fast path and by the full way."""
    fast, _ = after_each(happenings)
    with without_fast_paths():
        full, _ = after_each(happenings)
    return fast[-1]["A"], full[-1]["A"]


@pytest.mark.parametrize("hours", [24, 26, 30])
def test_a_day_of_steady_readings_moves_into_the_checkpoint(hours: int) -> None:
    fast, full = both_ways(stream(STEADY, 120 * SECOND, hours * HOUR))
    assert timeless(fast) == timeless(full)
    assert (fast.checkpoint.at > START) is (hours > 25)


def test_steady_readings_are_thinned() -> None:
    fast, full = both_ways(stream(STEADY, 10 * SECOND, HOUR))
    assert timeless(fast) == timeless(full)
    assert size(fast.facts) < 40, "of 360"


def test_readings_that_cannot_be_thinned_are_bounded() -> None:
    fast, full = both_ways(stream(LOW_AND_EXTREME, 10 * SECOND, 2 * HOUR))
    assert timeless(fast) == timeless(full)
    assert MAX_FACTS // 2 < size(fast.facts) <= MAX_FACTS, "of 720"
