"""The latest value of each signal, for display; and the health of feeds: when vitals last came, implausible values.

Latest values are grouped by the observation that brought them, newest first. A monitor repeats the same signals, so
usually the new group replaces the one before. The alerts about feeds are in alerts/data_alerts.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from operator import itemgetter
from typing import NamedTuple

from monitor.fact_types import Facts, VitalsFact
from monitor.model import FeedHealth, ImplausibleReadings, LatestFromEvent, State
from monitor.verdicts import Reason
from schemas.events import SIGNALS, Medication, PatientEventType, Vitals
from schemas.patient_event import Void

# The order is part of the row format, because values are kept by position (decision 0029): a further signal goes to the
# end. Values of an older build are shorter; of a newer one they are longer, and those that are not known here are lost.
DISPLAYED = tuple(SIGNALS)
PLACES = range(len(DISPLAYED))
MAX_IMPLAUSIBLE_READINGS = 8
MAX_UNKNOWN_DRUGS = 8
ICE = DISPLAYED.index("ice_score")  # the only integer among them

_signals = itemgetter(*DISPLAYED)
_new = tuple.__new__


class Latest(NamedTuple):
    """The latest value of a signal."""

    value: float | str
    at: int
    charted: bool


LatestValues = tuple[LatestFromEvent, ...]
BySignal = Sequence[Latest | None]  # one a signal
NOTHING: BySignal = (None,) * len(DISPLAYED)


def with_display(state: State, event: PatientEventType, at: int, verdict: Reason) -> State:
    """The state with what is only displayed of an event: latest values, and drugs that are not in the formulary."""
    if isinstance(event, Vitals):
        return state._replace(latest=update(state.latest, event, at))
    if verdict == "unmapped_drug" and isinstance(event, Medication):
        drugs = dict.fromkeys((*state.unknown_drugs, event.drug[:40]))
        return state._replace(unknown_drugs=tuple(drugs)[-MAX_UNKNOWN_DRUGS:])
    return state


def update(latest: LatestValues, event: Vitals, at: int) -> LatestValues:
    """The latest values after an observation; of two at one instant the charted one, whichever came first."""
    values = _signals(event.__dict__)
    charted = event.source == "charted"
    if latest and at > latest[0][0] and values[ICE] is None:
        try:
            for value, previous in zip(values, latest[0][2], strict=True):
                if (value is None) is not (previous is None):
                    break
            else:
                return (_new(LatestFromEvent, (at, charted, values)), *latest[1:])
        except ValueError:
            pass  # Another build wrote them: it displays more signals, or fewer.
    by_signal = list(_by_signal(latest))
    for index, value in enumerate(map(as_stored, values)):
        if value is not None:
            before = by_signal[index]
            if before is None or at > before.at or (at == before.at and _wins(value, charted, before)):
                by_signal[index] = Latest(value, at, charted)
    return _by_event(by_signal)


def remove(latest: LatestValues, voided: VitalsFact, facts: Facts) -> LatestValues:
    """The latest values without a voided observation: of each signal that it may have carried, the reading before."""
    return _by_event(
        [
            value if value is None or value.at != voided.at else _newest(name, facts)
            for name, value in zip(DISPLAYED, _by_signal(latest), strict=True)
        ]
    )


def merge(one: LatestValues, other: LatestValues) -> LatestValues:
    """The latest values of two records: of each signal the newer one; at one instant the first record's."""
    return _by_event(
        [
            theirs if ours is None or (theirs is not None and theirs.at > ours.at) else ours
            for ours, theirs in zip(_by_signal(one), _by_signal(other), strict=True)
        ]
    )


def of_fact(fact: VitalsFact) -> LatestValues:
    """The latest values if this observation alone were known."""
    return (LatestFromEvent(fact.at, fact.charted, tuple(as_stored(_value(name, fact)) for name in DISPLAYED)),)


def named(latest: LatestValues) -> Iterator[tuple[str, Latest]]:
    """The signals that have a value, each with its name."""
    for name, value in zip(DISPLAYED, _by_signal(latest), strict=True):
        if value is not None:
            yield name, value


def _by_signal(latest: LatestValues) -> BySignal:
    """The latest value of each signal, in the order of DISPLAYED."""
    if not latest:
        return NOTHING
    by_signal: list[Latest | None] = [None] * len(DISPLAYED)
    for at, charted, values in latest:
        for index, value in zip(PLACES, values, strict=False):
            if value is not None:
                by_signal[index] = Latest(value, at, charted)
    return by_signal


def _by_event(by_signal: BySignal) -> LatestValues:
    """Grouped by observation, newest first."""
    origins = {(one.at, one.charted) for one in by_signal if one is not None}
    return tuple(
        LatestFromEvent(
            at, charted, tuple(one.value if one and one[1:] == (at, charted) else None for one in by_signal)
        )
        for at, charted in sorted(origins, reverse=True)
    )


def as_stored(value: float | str | None) -> float | str | None:
    """A number as it is read back from a row: always a float, so that a restart changes no byte of a state."""
    return float(value) if isinstance(value, int) else value


def _wins(value: float | str, charted: bool, before: Latest) -> bool:
    if charted != before.charted:
        return charted
    return str(as_stored(value)) > str(before.value)


def _newest(name: str, facts: Facts) -> Latest | None:
    """The newest reading among the facts, at its printed resolution; None for signals that no rule reads."""
    for fact in reversed(facts.vitals):
        value = as_stored(_value(name, fact))
        if value is not None:
            return Latest(value, fact.at, fact.charted)
    return None


def _value(name: str, fact: VitalsFact) -> float | str | None:
    match name:
        case "temperature_celsius":
            return None if fact.temperature is None else fact.temperature / 10
        case "systolic_mmhg":
            return fact.sbp
        case "mean_arterial_mmhg":
            return fact.map
        case "spo2_percent":
            return fact.spo2
        case "oxygen_device":
            return fact.device
        case "oxygen_flow_l_per_min":
            return fact.flow
        case "fio2_fraction":
            return fact.fio2
        case "ice_score":
            return fact.ice
        case "consciousness":
            return fact.consciousness
    return None


def feed_of(event: PatientEventType) -> str:
    """The feed whose clock an event came with: its type and device."""
    return f"{event.type}:{event.device_id or ''}" if isinstance(event, Vitals | Void) else event.type


def with_clock_ahead(health: FeedHealth, event: PatientEventType, log_at: int) -> FeedHealth:
    """The health after an event from the future, which is not judged."""
    return health._replace(clock_ahead_at=log_at, clock_ahead_feed=feed_of(event))


def update_feed(health: FeedHealth, event: PatientEventType, implausible: Iterable[str], at: int) -> FeedHealth:
    """The health after an event at a bedside time (ms). `implausible`: signals that were removed from it."""
    if health.clock_ahead_at is not None and health.clock_ahead_feed == feed_of(event):
        # Only an event of the same feed shows that its clock is right again.
        health = health._replace(clock_ahead_at=None, clock_ahead_feed=None)
    if not isinstance(event, Vitals):
        return health
    rejects = {r.signal: r.times for r in health.rejects if getattr(event, r.signal, None) is None}
    for signal in set(implausible):
        rejects[signal] = tuple(sorted((*rejects.get(signal, ()), at))[-MAX_IMPLAUSIBLE_READINGS:])
    health = health._replace(rejects=tuple(ImplausibleReadings(s, t) for s, t in sorted(rejects.items())))
    has_signal = any(getattr(event, name) is not None for name in DISPLAYED)
    if has_signal and at >= health.vitals_at:
        # Of two sources at one instant the monitor's counts: its silence is noticed sooner.
        charted = event.source == "charted" and (at > health.vitals_at or health.vitals_charted)
        health = health._replace(vitals_at=at, vitals_charted=charted)
    return health
