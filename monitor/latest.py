"""The latest value of each signal, for people to look at; no rule reads it."""

from __future__ import annotations

from collections.abc import Iterator
from operator import attrgetter

from monitor.state import Facts, Latest, VitalsFact
from schemas.events import Vitals

Shown = tuple[Latest | None, ...]

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


_SIGNALS = attrgetter(*DISPLAYED)
_new = tuple.__new__  # as the constructor, in half the time: every reading of every monitor goes through here
NOTHING: Shown = (None,) * len(DISPLAYED)


def after(latest: Shown, event: Vitals, at: int) -> Shown:
    """What to show after an observation; of two of one instant the charted one, whatever came first."""
    charted = event.source == "charted"
    shown = list(latest or NOTHING)
    for index, value in enumerate(_SIGNALS(event)):
        if value is not None:
            before = shown[index]
            if before is None or at > before.at or (at == before.at and _stands(value, charted, before)):
                shown[index] = _new(Latest, (float(value) if type(value) is int else value, at, charted))
    return tuple(shown)


def without(latest: Shown, wrong: VitalsFact, facts: Facts) -> Shown:
    """What to show without a wrong observation: of each signal that it may have carried, the reading before."""
    return tuple(
        value if value is None or value.at != wrong.at else _newest(name, facts)
        for name, value in zip(DISPLAYED, latest, strict=True)
    )


def newer(one: Shown, other: Shown) -> Shown:
    """Of each signal the newer value; of one instant the first record's."""
    return tuple(
        theirs if ours is None or (theirs is not None and theirs.at > ours.at) else ours
        for ours, theirs in zip(one or NOTHING, other or NOTHING, strict=True)
    )


def named(latest: Shown) -> Iterator[tuple[str, Latest]]:
    """The signals that have a value, by name."""
    for name, value in zip(DISPLAYED, latest or NOTHING, strict=True):
        if value is not None:
            yield name, value


def as_stored(value: float | str | None) -> float | str | None:
    """A number as a row gives it back: a whole one is a float too, or a restart would show in the bytes of a state."""
    return float(value) if isinstance(value, int) else value


def _stands(value: float | str, charted: bool, before: Latest) -> bool:
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
