"""The latest value of each signal, for people to look at; no rule reads it."""

from __future__ import annotations

from monitor.state import Facts, Latest, VitalsFact
from schemas.events import Vitals

Shown = tuple[tuple[str, Latest], ...]

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


def after(latest: Shown, event: Vitals, at: int) -> Shown:
    """What to show after an observation; of two of one instant the charted one, whatever came first."""
    known = dict(latest)
    charted = event.source == "charted"
    values = event.__dict__
    for name in DISPLAYED:
        value = as_stored(values[name])
        if value is not None:
            before = known.get(name)
            if before is None or at > before.at or (at == before.at and _stands(value, charted, before)):
                known[name] = Latest(value, at, charted)
    return tuple(known.items())


def without(latest: Shown, wrong: VitalsFact, facts: Facts) -> Shown:
    """What to show without a wrong observation: of each signal that it may have carried, the reading before."""
    shown: list[tuple[str, Latest]] = []
    for name, value in latest:
        kept = value if value.at != wrong.at else _newest(name, facts)
        if kept is not None:
            shown.append((name, kept))
    return tuple(shown)


def as_stored(value: float | str | None) -> float | str | None:
    """A number as a row gives it back: a whole one is a float too, or a restart would show in the bytes of a state."""
    return float(value) if isinstance(value, int) else value


def _stands(value: float | str, charted: bool, before: Latest) -> bool:
    if charted != before.charted:
        return charted
    return str(value) > str(before.value)


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
