"""The short way of a reading that says what the one before said: what every reading of every monitor goes through.

It comes to the same as the long way (tests/properties/test_ways.py), at a sixth of its cost. For that, tuples are taken
apart at once rather than field by field, and made without the call of their own constructor.
"""

from __future__ import annotations

from monitor import episodes, history, latest, placing
from monitor.facts import vitals_fact
from monitor.guideline import Guideline
from monitor.scene import DISCHARGED
from monitor.state import Course, Facts, Reading, Signal, State, Watch
from schemas.events import Vitals

_new = tuple.__new__
CHANGING = 6  # the first fields of a course, which a reading changes
assert Course._fields[CHANGING : CHANGING + 4] == ("timer", "sbp_below", "map_below", "oxygen")
assert State._fields[9:14] == ("watch", "merged_into", "unjudged_at", "unknown_drugs", "catching_up")


def taken(guideline: Guideline, state: State, event: Vitals, effective_at: int, known_at: int) -> State | None:
    """The state after such a reading; None when the long way is needed."""
    profile = guideline.profile
    patient_id, log_at, due_at, base, course, facts, replaced, shown, book, watch = state[:10]
    merged_into, unjudged_at, _, catching_up = state[10:14]
    at, sbp, mean, spo2, temperature, fever, timer, sbp_below, map_below, oxygen = course[:10]
    vitals_at, _, rejects, ahead_at, _ = watch
    if known_at > log_at:
        log_at = known_at
    if (
        not at < effective_at < timer
        or sbp_below == 0
        or (due_at is not None and log_at >= due_at)
        or effective_at > log_at + profile.clock_ahead
        # After a silence an alert about it may be open.
        or log_at >= vitals_at + profile.monitor_silence
        or rejects
        or ahead_at is not None
        or unjudged_at is not None
        or catching_up is not None
        or merged_into is not None
        or event.replaces is not None
        or course.context.status in DISCHARGED
    ):
        return None
    fact = vitals_fact(event, effective_at)
    _, event_id, charted, warmth, systolic, pressure, saturation, device, flow, fio2, ice, consciousness, _ = fact
    if ice is not None or consciousness is not None or (replaced and event_id in replaced):
        return None
    supported = oxygen
    if device is not None or flow is not None or fio2 is not None:
        if (
            oxygen is None
            or device not in (None, oxygen.device)
            or flow not in (None, oxygen.flow)
            or fio2 not in (None, oxygen.fio2)
        ):
            return None
        supported = oxygen._replace(charted_at=effective_at, event_id=event_id)
    pressed = _again(sbp, systolic, sbp_below, effective_at, event_id)
    perfused = _again(mean, pressure, map_below, effective_at, event_id)
    saturated = _again(spo2, saturation, profile.spo2_below, effective_at, event_id)
    if pressed is None or perfused is None or saturated is None:
        return None
    felt = fever
    if warmth is not None:
        threshold = profile.fever_tenths
        if temperature is None or (temperature[0] >= threshold) != (warmth >= threshold):
            return None
        temperature = _new(Reading, (warmth, effective_at, event_id))
        if warmth >= threshold:
            if fever is None or effective_at >= fever.at + profile.fever_holds:
                return None
            felt = temperature
    kept = course[CHANGING:] if supported is oxygen else (timer, sbp_below, map_below, supported, *course[10:])
    moved = _new(Course, (effective_at, pressed, perfused, saturated, temperature, felt, *kept))
    if felt is not fever:
        moved = episodes.with_fever(profile, moved, effective_at)
    vitals = (*facts[0], fact)
    if history.is_many(vitals):
        vitals = history.thin(vitals, profile, course)
    now = _new(
        State,
        (
            patient_id,
            log_at,
            due_at,
            base,
            moved,
            _new(Facts, (vitals, *facts[1:])),
            replaced,
            latest.after(shown, event, effective_at),
            book,
            _new(Watch, (effective_at, charted, (), None, None)),
            *state[10:],
        ),
    )
    if vitals[0].at < effective_at - history.SPAN - history.SLACK or len(vitals) > history.CAP // 2:
        return placing.checkpointed(guideline, now)
    return now


def _again(signal: Signal, value: int | None, below: int, at: int, event_id: str) -> Signal | None:
    """The signal after a reading of the class that counts already; None when something else happens."""
    if value is None:
        return signal
    counted, since, pending = signal
    if counted is None or pending is not None or (counted[0] < below) != (value < below):
        return None
    return _new(Signal, (_new(Reading, (value, at, event_id)), since, None))
