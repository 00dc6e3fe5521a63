"""What an observation does to the course: when a reading counts, the oxygen support in use, the charted signs.

A monitor's single reading may be an artefact: it counts once a second one agrees, or once nothing has contradicted it
for a minute. Charted readings and extreme ones count at once.
"""

from __future__ import annotations

from monitor.course import further_signals
from monitor.fact_types import VitalsFact
from monitor.guidelines.model import Profile
from monitor.guidelines.oxygen_ladder import device_rank
from monitor.model import ChartedSign, Course, Oxygen, Reading, Signal
from schemas.field_types import Consciousness

AVPU: tuple[Consciousness, ...] = ("alert", "voice", "pain", "unresponsive")


def confirm_due(profile: Profile, course: Course, at: int) -> Course:
    """The course at an instant: pending readings count that nothing has contradicted for long enough."""
    after = profile.confirm_after
    return course._replace(
        at=at,
        sbp=confirm_pending(course.sbp, at, course.sbp_below, after),
        map=confirm_pending(course.map, at, course.map_below, after),
        spo2=confirm_pending(course.spo2, at, profile.spo2_below, after),
    )


def contradict_pending(profile: Profile, course: Course, fact: VitalsFact) -> Course:
    """The course when thinning dropped readings since `fact.gap_since`: they contradict what is pending there."""
    for name, value, below in (
        ("sbp", fact.sbp, course.sbp_below),
        ("map", fact.map, course.map_below),
        ("spo2", fact.spo2, profile.spo2_below),
    ):
        signal = getattr(course, name)
        if value is not None and signal.pending is not None and signal.pending.at > fact.gap_since:
            course = _with_signal(course, name, contradicted(signal, value, below))
    return course


def _with_signal(course: Course, name: str, signal: Signal) -> Course:
    if name == "sbp":
        return course._replace(sbp=signal)
    return course._replace(map=signal) if name == "map" else course._replace(spo2=signal)


def with_vitals(profile: Profile, course: Course, vitals: tuple[VitalsFact, ...], at: int) -> Course:
    for name, below, extreme in (
        ("sbp", course.sbp_below, profile.extreme_systolic_below),
        ("map", course.map_below, 0),
        ("spo2", profile.spo2_below, profile.extreme_spo2_below),
    ):
        worst = min(
            (f for f in vitals if getattr(f, name) is not None),
            key=lambda f: (getattr(f, name), not f.charted),
            default=None,
        )
        if worst is not None:
            reading = Reading(getattr(worst, name), at, worst.event_id)
            signal = observe(getattr(course, name), reading, worst.charted, below, extreme)
            course = _with_signal(course, name, signal)
    hottest = max((f for f in vitals if f.temperature is not None), key=lambda f: f.temperature or 0, default=None)
    if hottest is not None and hottest.temperature is not None:
        reading, infused_at = Reading(hottest.temperature, at, hottest.event_id), course.context.infused_at
        course = course._replace(temperature=reading)
        if reading.value >= profile.fever_tenths and (infused_at is None or at >= infused_at):
            course = course._replace(fever=reading)
    if any(fact.further for fact in vitals):
        course = further_signals.with_readings(course, vitals, at)
    return _with_signs(profile, _with_support(course, vitals), vitals)


def _with_support(course: Course, vitals: tuple[VitalsFact, ...]) -> Course:
    """The oxygen support after the observations of one instant: of two devices the higher on the ladder."""
    charted = [f for f in vitals if f.device is not None or f.flow is not None or f.fio2 is not None]
    if not charted:
        return course
    highest = max(charted, key=lambda f: (-1 if f.device is None else device_rank(f.device), f.flow or 0.0))
    of_it = [f for f in charted if f.device in (None, highest.device)]
    device, since, before = highest.device, highest.at, course.oxygen
    flow = max((f.flow for f in of_it if f.flow is not None), default=None)
    fio2 = max((f.fio2 for f in of_it if f.fio2 is not None), default=None)
    if before is not None and device in (None, before.device):
        device = before.device
        since = before.since
        flow = before.flow if flow is None else flow
        fio2 = before.fio2 if fio2 is None else fio2
    return course._replace(oxygen=Oxygen(device, flow, fio2, since, highest.at, highest.event_id))


def _with_signs(profile: Profile, course: Course, vitals: tuple[VitalsFact, ...]) -> Course:
    """The charted signs after the observations of one instant: of two the worse."""
    at = vitals[0].at
    scores = [(f.ice, f.event_id) for f in vitals if f.ice is not None]
    if scores:
        ice, event_id = min(scores)
        before = course.ice
        same = before is not None and (int(before.value) < profile.ice_full_score) == (ice < profile.ice_full_score)
        course = course._replace(ice=_since_before(before, same, ChartedSign(ice, at, event_id, at)))
    levels = [(_impairment(f.consciousness), f.event_id, f.consciousness) for f in vitals if f.consciousness]
    if levels:
        level, event_id, charted = max(levels)
        before = course.consciousness
        same = before is not None and (before.value == AVPU[0]) == (level == 0)
        course = course._replace(consciousness=_since_before(before, same, ChartedSign(charted, at, event_id, at)))
    return course


def _impairment(consciousness: Consciousness) -> int:
    """The place on the AVPU scale; a level that only a newer build knows counts as the worst."""
    return AVPU.index(consciousness) if consciousness in AVPU else len(AVPU)


def _since_before(before: ChartedSign | None, same: bool, now: ChartedSign) -> ChartedSign:
    return now._replace(since=before.since) if before is not None and same else now


def observe(signal: Signal, reading: Reading, charted: bool, below: int, extreme_below: int) -> Signal:
    """The signal after one more reading. `below` is the limit of this patient; below `extreme_below` counts at once."""
    counted, since, pending = signal
    low = reading.value < below
    changes = counted is None or (counted.value < below) != low
    if charted or (low and reading.value < extreme_below):
        return Signal(reading, reading.at if changes else since, None)
    if pending is not None and (pending.value < below) == low and reading.at > pending.at:
        return Signal(reading, pending.at if changes else since, None)
    if not changes:
        return Signal(reading, since, None)
    return Signal(counted, since, reading)


def confirm_pending(signal: Signal, at: int, below: int, confirm_after: int) -> Signal:
    """The signal once nothing contradicted its pending reading for long enough."""
    counted, since, pending = signal
    if pending is None or at < pending.at + confirm_after:
        return signal
    changes = counted is None or (counted.value < below) != (pending.value < below)
    return Signal(pending, pending.at if changes else since, None)


def contradicted(signal: Signal, value: int, below: int) -> Signal:
    """The signal when its pending reading turns out to lie between readings that disagree with it."""
    counted, since, pending = signal
    if pending is None or (pending.value < below) == (value < below):
        return signal
    return Signal(counted, since, None)


def with_new_limit(signal: Signal, at: int, before: int, now: int) -> Signal:
    """The signal when the patient's limit changed: low since now, if it was not low by the old one."""
    counted = signal.counted
    if counted is None or (counted.value < before) == (counted.value < now):
        return signal
    return Signal(counted, at, signal.pending)
