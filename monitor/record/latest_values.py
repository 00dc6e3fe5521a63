"""The latest value of each signal, for people to look at; no rule reads it.

Kept as sheets, newest first: the values that one observation brought and no later one has replaced. A monitor says the
same signals again and again, so most of the time one sheet takes the place of another.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from operator import itemgetter
from typing import NamedTuple

from monitor.model import Facts, LatestFromEvent, VitalsFact
from schemas.events import Vitals

DISPLAYED = (
    "temperature_celsius",
    "heart_rate_per_min",
    "respiratory_rate_per_min",
    "systolic_mmhg",
    "diastolic_mmhg",
    "mean_arterial_mmhg",
    "spo2_percent",
    "oxygen_device",
    "oxygen_flow_l_per_min",
    "fio2_fraction",
    "ice_score",
    "consciousness",
)
ICE = DISPLAYED.index("ice_score")  # the one whole number among them

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


def update(sheets: LatestValues, event: Vitals, at: int) -> LatestValues:
    """What to show after an observation; of two of one instant the charted one, whatever came first."""
    values = _signals(event.__dict__)
    charted = event.source == "charted"
    if sheets and at > sheets[0][0] and values[ICE] is None:
        for value, before in zip(values, sheets[0][2], strict=True):
            if (value is None) is not (before is None):
                break
        else:
            return (_new(LatestFromEvent, (at, charted, values)), *sheets[1:])
    shown = list(_by_signal(sheets))
    for index, value in enumerate(map(as_stored, values)):
        if value is not None:
            stood = shown[index]
            if stood is None or at > stood.at or (at == stood.at and _wins(value, charted, stood)):
                shown[index] = Latest(value, at, charted)
    return _by_event(shown)


def remove(sheets: LatestValues, wrong: VitalsFact, facts: Facts) -> LatestValues:
    """What to show without a wrong observation: of each signal that it may have carried, the reading before."""
    return _by_event(
        [
            value if value is None or value.at != wrong.at else _newest(name, facts)
            for name, value in zip(DISPLAYED, _by_signal(sheets), strict=True)
        ]
    )


def merge(one: LatestValues, other: LatestValues) -> LatestValues:
    """Of each signal the newer value; of one instant the first record's."""
    return _by_event(
        [
            theirs if ours is None or (theirs is not None and theirs.at > ours.at) else ours
            for ours, theirs in zip(_by_signal(one), _by_signal(other), strict=True)
        ]
    )


def named(sheets: LatestValues) -> Iterator[tuple[str, Latest]]:
    """The signals that have a value, by name."""
    for name, value in zip(DISPLAYED, _by_signal(sheets), strict=True):
        if value is not None:
            yield name, value


def _by_signal(sheets: LatestValues) -> BySignal:
    """Signal by signal."""
    if not sheets:
        return NOTHING
    shown: list[Latest | None] = [None] * len(DISPLAYED)
    for at, charted, values in sheets:
        for index, value in enumerate(values):
            if value is not None:
                shown[index] = Latest(value, at, charted)
    return shown


def _by_event(shown: BySignal) -> LatestValues:
    """As sheets, each signal on one of them."""
    origins = {(one.at, one.charted) for one in shown if one is not None}
    return tuple(
        LatestFromEvent(at, charted, tuple(one.value if one and one[1:] == (at, charted) else None for one in shown))
        for at, charted in sorted(origins, reverse=True)
    )


def as_stored(value: float | str | None) -> float | str | None:
    """A number as a row gives it back: a whole one is a float too, or a restart would show in the bytes of a state."""
    return float(value) if isinstance(value, int) else value


def _wins(value: float | str, charted: bool, before: Latest) -> bool:
    if charted != before.charted:
        return charted
    return str(as_stored(value)) > str(before.value)


def _newest(name: str, facts: Facts) -> Latest | None:
    """The newest reading among the facts, at its printed resolution; signals that no rule reads are not among them."""
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
