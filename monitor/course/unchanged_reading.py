"""An observation that says what counts already moves the course a little: most of what a monitor says, and cheap.

It comes to the same as judging it in full (tests/properties/test_ways.py), at a tenth of the cost. For that, tuples are
taken apart at once rather than field by field, and made without the call of their own constructor.
"""

from __future__ import annotations

from monitor.course import episodes
from monitor.guidelines.profile_loader import Profile
from monitor.model import Course, Reading, Signal, VitalsFact

_new = tuple.__new__
CHANGING = 6  # the first fields of a course, which an observation changes
assert Course._fields[CHANGING : CHANGING + 4] == ("timer", "sbp_below", "map_below", "oxygen")


def advance_within_bands(profile: Profile, course: Course, fact: VitalsFact) -> Course | None:
    """The course after such an observation; None when it has to be judged in full."""
    at, sbp, mean, spo2, temperature, fever, timer, sbp_below, map_below, oxygen = course[:10]
    seen_at, event_id, _, warmth, systolic, pressure, saturation, device, flow, fio2, ice, consciousness, _ = fact
    if not at < seen_at < timer or ice is not None or consciousness is not None:
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
        supported = oxygen._replace(charted_at=seen_at, event_id=event_id)
    pressed = _same_band(sbp, systolic, sbp_below, seen_at, event_id)
    perfused = _same_band(mean, pressure, map_below, seen_at, event_id)
    saturated = _same_band(spo2, saturation, profile.spo2_below, seen_at, event_id)
    if pressed is None or perfused is None or saturated is None:
        return None
    felt = fever
    if warmth is not None:
        threshold = profile.fever_tenths
        if temperature is None or (temperature[0] >= threshold) != (warmth >= threshold):
            return None
        temperature = _new(Reading, (warmth, seen_at, event_id))
        if warmth >= threshold:
            if fever is None or seen_at >= fever.at + profile.fever_holds:
                return None
            felt = temperature
    kept = course[CHANGING:] if supported is oxygen else (timer, sbp_below, map_below, supported, *course[10:])
    after = _new(Course, (seen_at, pressed, perfused, saturated, temperature, felt, *kept))
    return after if felt is fever else episodes.with_fever(profile, after, seen_at)


def _same_band(signal: Signal, value: int | None, below: int, at: int, event_id: str) -> Signal | None:
    """The signal after a reading of the class that counts already; None when something else happens."""
    if value is None:
        return signal
    counted, since, pending = signal
    if counted is None or pending is not None or (counted[0] < below) != (value < below):
        return None
    return _new(Signal, (_new(Reading, (value, at, event_id)), since, None))
