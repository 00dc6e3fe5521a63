"""The fast path: a reading within the same limits as the one before, as most of a monitor's readings are.

`course_after` is the fast path of a step, `advance_within_bands` that of the fold, which a step's rests on. Both give
the course that the full way would give, at a tenth of the cost, and None when only the full way can tell. Each guard
below has its story in tests/monitor/test_fast_path_guards.py, which fails without it; tests/properties compares both
ways over rough streams. A course that has not begun (a new patient, a record merged into another) is never advanced
here. A timer may be too early after the fast path, never too late: the full way then finds nothing due.

For speed, tuples are taken apart at once and made without calling their constructors.
"""

from __future__ import annotations

from monitor.course import episodes
from monitor.fact_types import VitalsFact
from monitor.guidelines.model import Profile
from monitor.model import Course, Reading, Signal, State
from monitor.units import LONG_AGO
from schemas.events import Vitals

_new = tuple.__new__
CHANGING = 6  # the first fields of a course, which an observation changes
assert Course._fields[CHANGING : CHANGING + 4] == ("timer", "sbp_below", "map_below", "oxygen")


def course_after(
    profile: Profile, state: State, event: Vitals, fact: VitalsFact, log_at: int, *, is_known: bool
) -> Course | None:
    """The course after a reading that changes nothing but the course. `log_at`: log time (ms), event included.

    `is_known`: its id may be that of an earlier entry, or of one that was taken back.
    """
    due_at = state.due_at
    vitals_at, vitals_charted, rejects, clock_ahead_at, _ = state.feed_health
    if (
        (due_at is not None and log_at >= due_at)
        or fact[0] > log_at + profile.clock_ahead
        # After a silence an alert about it may be open.
        or log_at >= vitals_at + profile.monitor_silence
        # A monitor's silence is noticed sooner than that of charted vitals: the timer must move to an earlier time.
        or (vitals_charted and not fact.charted)
        or rejects
        or clock_ahead_at is not None
        or state.defect_at is not None
        or state.catching_up is not None
        or event.replaces is not None
        or is_known
    ):
        return None
    return advance_within_bands(profile, state.course, fact)


def advance_within_bands(profile: Profile, course: Course, fact: VitalsFact) -> Course | None:
    """The course after such an observation; None when it has to be judged in full."""
    at, sbp, mean, spo2, temperature, fever, timer, sbp_below, map_below, oxygen = course[:10]
    seen_at, event_id, _, tenths, systolic, pressure, saturation, device, flow, fio2, ice, avpu, _, further, _ = fact
    if at == LONG_AGO or seen_at <= at or seen_at >= timer or ice is not None or avpu is not None or further:
        return None
    support = oxygen
    if device is not None or flow is not None or fio2 is not None:
        if (
            oxygen is None
            or device not in (None, oxygen.device)
            or flow not in (None, oxygen.flow)
            or fio2 not in (None, oxygen.fio2)
        ):
            return None
        support = oxygen._replace(charted_at=seen_at, event_id=event_id)
    counted_sbp = _same_band(sbp, systolic, sbp_below, seen_at, event_id)
    counted_map = _same_band(mean, pressure, map_below, seen_at, event_id)
    counted_spo2 = _same_band(spo2, saturation, profile.spo2_below, seen_at, event_id)
    if counted_sbp is None or counted_map is None or counted_spo2 is None:
        return None
    last_fever = fever
    if tenths is not None:
        threshold = profile.fever_tenths
        if temperature is None or (temperature[0] >= threshold) != (tenths >= threshold):
            return None
        temperature = _new(Reading, (tenths, seen_at, event_id))
        if tenths >= threshold:
            if fever is None or seen_at >= fever.at + profile.fever_holds:
                return None
            last_fever = temperature
    kept = course[CHANGING:] if support is oxygen else (timer, sbp_below, map_below, support, *course[10:])
    after = _new(Course, (seen_at, counted_sbp, counted_map, counted_spo2, temperature, last_fever, *kept))
    return after if last_fever is fever else episodes.with_fever(profile, after, seen_at)


def _same_band(signal: Signal, value: int | None, below: int, at: int, event_id: str) -> Signal | None:
    """The signal after a reading of the class that counts already; None when the class changes."""
    if value is None:
        return signal
    counted, since, pending = signal
    # A reading that was pending is contradicted by this one, and its timer ends.
    if counted is None or pending is not None or (counted[0] < below) != (value < below):
        return None
    return _new(Signal, (_new(Reading, (value, at, event_id)), since, None))
