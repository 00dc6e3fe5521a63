"""The facts of a patient: made of events, with values rounded, and kept in bedside order."""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Iterable
from math import inf
from operator import itemgetter
from typing import Any

from monitor.course import further_signals
from monitor.model import (
    ContextFact,
    Fact,
    Facts,
    FactsAt,
    InfusionFact,
    MedicationFact,
    State,
    StatementFact,
    VitalsFact,
)
from monitor.units import to_integer, to_ms, to_tenths
from schemas.assessments import Attribution, InfectionWorkup
from schemas.events import Patient, Vitals

# As in fast_path.py: every reading of every monitor comes through here.
_new = tuple.__new__
_judged = itemgetter(
    "event_id",
    "source",
    "temperature_celsius",
    "systolic_mmhg",
    "mean_arterial_mmhg",
    "spo2_percent",
    "oxygen_device",
    "oxygen_flow_l_per_min",
    "fio2_fraction",
    "ice_score",
    "consciousness",
)
assert VitalsFact._fields[7:] == ("device", "flow", "fio2", "ice", "consciousness", "gap_since", "further")
CONTEXT_FIELDS = (
    "weight_kg",
    "unit",
    "bed",
    "product",
    "high_risk",
    "neutrophils_per_ul",
    "baseline_systolic_mmhg",
    "baseline_oxygen_device",
    "baseline_oxygen_flow_l_per_min",
    "death_attributed_to_crs",
)
_KIND: dict[type, str] = {
    VitalsFact: "vitals",
    MedicationFact: "medications",
    ContextFact: "contexts",
    InfusionFact: "infusions",
    StatementFact: "statements",
}
MOVEMENTS = ("admitted", "transferred", "discharged", "died")


def vitals_fact(event: Vitals, at: int) -> VitalsFact:
    """The judged signals of an observation at their printed resolution."""
    event_id, source, temperature, sbp, mean, spo2, device, flow, fio2, ice, consciousness = _judged(event.__dict__)
    return _new(
        VitalsFact,
        (
            at,
            event_id,
            source == "charted",
            None if temperature is None else to_tenths(temperature),
            None if sbp is None else to_integer(sbp),
            None if mean is None else to_integer(mean),
            None if spo2 is None else to_integer(spo2),
            device,
            flow,
            fio2,
            ice,
            consciousness,
            0,
            further_signals.readings(event.__dict__) if further_signals.FURTHER_SIGNALS else (),
        ),
    )


def context_facts(event: Patient, at: int) -> list[Fact]:
    """The fields that a patient event sets; the infusion of the product at its own time."""
    changes: list[tuple[str, float | str | bool | None]] = [
        (name, value) for name in CONTEXT_FIELDS if (value := getattr(event, name)) is not None
    ]
    if event.status in MOVEMENTS:
        changes.append(("status", event.status))
    if event.birth_date is not None:
        changes.append(("birth_date", event.birth_date.isoformat()))
    elif event.age_years is not None:
        changes += [("age_years", event.age_years), ("birth_date", None)]  # it stands until told anew
    facts: list[Fact] = [ContextFact(at, event.event_id, tuple(changes))]
    if event.infused_at is not None:
        infused_at = to_ms(event.infused_at)
        facts.append(InfusionFact(min(at, infused_at), event.event_id, infused_at))
    return facts


def statement_fact(event: Attribution | InfectionWorkup, at: int) -> StatementFact:
    """A clinician's statement as a fact."""
    if isinstance(event, Attribution):
        return StatementFact(at, event.event_id, event.axis, event.attributed_to_crs, None)
    return StatementFact(at, event.event_id, "infection_workup", None, event.state)


def is_known(state: State, event_id: str) -> bool:
    """Whether this event was applied already."""
    return any(known == event_id for known in event_ids(state.facts)) or any(
        dose.event_id == event_id for dose in state.course.doses
    )


def size(facts: Facts) -> int:
    """How many facts are kept."""
    return sum(len(kind) for kind in facts)


def event_ids(facts: Facts) -> Iterable[str]:
    """The events that the facts came from."""
    return (fact.event_id for kind in facts for fact in kind)


def with_fact(facts: Facts, fact: Fact) -> Facts:
    """The facts with one more, each kind in bedside order."""
    name = _KIND[type(fact)]
    kind: tuple[Any, ...] = getattr(facts, name)
    if not kind or _order(kind[-1]) <= _order(fact):
        return facts._replace(**{name: (*kind, fact)})
    ordered = list(kind)
    insort(ordered, fact, key=_order)
    return facts._replace(**{name: tuple(ordered)})


def without_event(facts: Facts, event_id: str) -> Facts:
    """The facts without those of one event."""
    return Facts._make(tuple(fact for fact in kind if fact.event_id != event_id) for kind in facts)


def by_instant(facts: Facts) -> list[FactsAt]:
    """The facts instant by instant, oldest first."""
    kinds: tuple[tuple[Fact, ...], ...] = facts
    at_instant: dict[int, list[list[Fact]]] = {}
    for index, kind in enumerate(kinds):
        for fact in kind:
            if fact.at not in at_instant:
                at_instant[fact.at] = [[], [], [], [], []]
            at_instant[fact.at][index].append(fact)
    return [FactsAt(at, Facts._make(map(tuple, at_instant[at]))) for at in sorted(at_instant)]


def split(facts: Facts, until: int) -> tuple[Facts, Facts]:
    """The facts at or before an instant, and those after it."""
    places = [bisect_right(kind, until, key=lambda fact: fact.at) for kind in facts]
    older = (kind[:place] for kind, place in zip(facts, places, strict=True))
    newer = (kind[place:] for kind, place in zip(facts, places, strict=True))
    return Facts._make(older), Facts._make(newer)


def _order(fact: Fact) -> tuple[int, float, str]:
    """Bedside order; of two medication lines of one instant the higher rate comes last and counts."""
    worse = 0.0
    if isinstance(fact, MedicationFact) and fact.action != "stopped":
        worse = inf if fact.rate is None else 1.0 + fact.rate
    return fact.at, worse, fact.event_id
