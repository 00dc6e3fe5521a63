"""The simulated ward at a chosen rate, now: illness runs many times faster than at a bedside, clocks do not.

A course of illness takes days; a check of the whole system takes minutes. So the ward lives in a time of its own that
runs `pace` times faster, and every instant is translated: the k-th event is due k / rate seconds after the start, and
its bedside time is earlier by its delay, shortened by the pace. Feeds whose clock is ahead
are as far ahead as they were.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random

from agents.platform.json_types import Json
from agents.simulation.patients.bed_record import Cadence
from agents.simulation.patients.generator import ward
from agents.simulation.story import TimedEvent, TimedStory, rename, run_name, to_iso, to_ms

ADMITTED_MS = 0  # the ward's own time begins in 1970; nobody sees it
HOUR_S = 3600.0
ROUNDS_EVERY_S = HOUR_S  # a nurse's round
# Beside monitor and rounds, a bed gives about that much: doses, infusions, admissions, repeats.
OTHER_EVENTS_PER_BED_S = 0.5 / HOUR_S
READINGS_PER_ROUND = 4.0
RAREST_READING_S = 6 * HOUR_S
KNOT_MS, THEIR_KNOT_MS = 50, 1000
KNOTS = 100_000
MAX_CLOCKS_AHEAD = 20_000
GENERATED_PREFIX = "sim-"


@dataclass(frozen=True, slots=True)
class WardPlan:
    """The ward to simulate. `rate`: events a second; `pace`: how many times faster illness runs."""

    patients: int
    rate: float
    seed: int
    start_ms: int
    pace: float


def simulate(plan: WardPlan) -> TimedStory:
    """An endless story; the same plan gives the same one."""
    start = datetime.fromtimestamp(ADMITTED_MS / 1000, UTC)
    events = ward(Random(plan.seed), plan.patients, start, cadence=cadence(plan.patients, plan.rate, plan.pace))
    return in_our_time(events, plan)


def cadence(patients: int, rate: float, pace: float) -> Cadence:
    """How often each bed sends a reading, in the ward's own time, so that all beds together give the rate."""
    per_bed_s = rate / pace / patients - OTHER_EVENTS_PER_BED_S
    monitored_s = per_bed_s - 1 / ROUNDS_EVERY_S
    if monitored_s >= READINGS_PER_ROUND / ROUNDS_EVERY_S:
        return Cadence(1 / monitored_s, ROUNDS_EVERY_S)
    # Too few events for so many beds: rounds become rarer too.
    every_s = (1 + 1 / READINGS_PER_ROUND) / per_bed_s if per_bed_s > 0 else RAREST_READING_S
    every_s = min(every_s, RAREST_READING_S)
    return Cadence(every_s, READINGS_PER_ROUND * every_s)


def in_our_time(events: Iterable[Json], plan: WardPlan) -> TimedStory:
    """The events of the ward with times of now and ids that no other run uses."""
    clock = Clock(plan.start_ms, plan.pace)
    ahead: dict[str, float] = {}  # events of clocks that run ahead: the same event may be sent again
    run = run_name(plan.start_ms, plan.seed)
    for number, event in enumerate(events):
        due_ms = plan.start_ms + number * 1000 / plan.rate
        received_ms, effective_ms = to_ms(event["received_at"]), to_ms(event["effective_at"])
        clock.observe(received_ms, due_ms)
        ahead_ms = effective_ms - received_ms
        if ahead_ms > 0 or event["event_id"] in ahead:
            true_ms = ahead.setdefault(event["event_id"], due_ms + ahead_ms)
        else:
            true_ms = clock.to_our_time(effective_ms)
        if len(ahead) > MAX_CLOCKS_AHEAD:
            del ahead[next(iter(ahead))]
        if "infused_at" in event:
            event["infused_at"] = to_iso(true_ms - (effective_ms - to_ms(event["infused_at"])))
        event["effective_at"], event["received_at"] = to_iso(true_ms), to_iso(due_ms)
        event["patient_id"] = event["patient_id"].removeprefix(GENERATED_PREFIX)
        if "merged_into" in event:
            event["merged_into"] = event["merged_into"].removeprefix(GENERATED_PREFIX)
        rename(event, "sim", run)
        yield TimedEvent(round(due_ms), event)


@dataclass(slots=True)
class Clock:
    """Two times side by side. An instant is always translated alike: a message that comes twice is equal."""

    start_ms: int
    pace: float
    theirs_ms: list[int] = field(default_factory=lambda: [ADMITTED_MS])
    ours_ms: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.ours_ms.append(self.start_ms)

    def observe(self, theirs_ms: int, ours_ms: float) -> None:
        """Notes that the ward's time `theirs_ms` is our time `ours_ms`."""
        if theirs_ms >= self.theirs_ms[-1] + THEIR_KNOT_MS and ours_ms >= self.ours_ms[-1] + KNOT_MS:
            self.theirs_ms.append(theirs_ms)
            self.ours_ms.append(ours_ms)
        if len(self.theirs_ms) > KNOTS:  # a ward may run for months; nobody charts so late
            del self.theirs_ms[: KNOTS // 2], self.ours_ms[: KNOTS // 2]

    def to_our_time(self, theirs_ms: int) -> float:
        """An instant of the ward's past, in our time (ms)."""
        knot = max(0, bisect_right(self.theirs_ms, theirs_ms) - 1)
        return self.ours_ms[knot] + (theirs_ms - self.theirs_ms[knot]) / self.pace
