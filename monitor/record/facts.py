"""The facts of a patient: made of events, with values rounded, and kept in bedside order."""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Callable, Iterable
from math import inf
from operator import itemgetter
from typing import Any

from monitor.course import further_signals
from monitor.fact_types import (
    ContextFact,
    Fact,
    Facts,
    FactsAt,
    InfusionFact,
    MedicationFact,
    StatementFact,
    VitalsFact,
)
from monitor.guidelines.formulary_lookup import Formulary
from monitor.model import Dose, State
from monitor.record import identity
from monitor.record.entry_facts import context_facts, medication_facts, statement_fact
from monitor.units import to_integer, to_tenths
from monitor.verdicts import Reason
from schemas.assessments import Attribution, InfectionWorkup
from schemas.events import Medication, Patient, PatientEventType, Vitals

# As in fast_path.py: every reading of every monitor comes through here.
_new = tuple.__new__
_judged = itemgetter(
    "event_id",
    "device_id",
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
assert VitalsFact._fields[7:] == ("device", "flow", "fio2", "ice", "consciousness", "gap_since", "further", "content")
_KIND: dict[type, str] = {
    VitalsFact: "vitals",
    MedicationFact: "medications",
    ContextFact: "contexts",
    InfusionFact: "infusions",
    StatementFact: "statements",
}


def vitals_fact(event: Vitals, at: int) -> VitalsFact:
    """The judged signals of an observation at their printed resolution."""
    judged = _judged(event.__dict__)
    event_id, device_id, source, temperature, sbp, mean, spo2, device, flow, fio2, ice, consciousness = judged
    return _new(
        VitalsFact,
        (
            at,
            event_id if device_id is None and source == "monitor" else identity.key_of(event),
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
            identity.rest_of_vitals(event),
        ),
    )


def facts_of(formulary: Formulary, event: PatientEventType, at: int) -> tuple[list[Fact], Reason]:
    """The facts of an event at its bedside time (ms), and the verdict on it: why it does or does not count."""
    if isinstance(event, Vitals):
        return [vitals_fact(event, at)], "applied"
    if isinstance(event, Medication):
        return medication_facts(formulary, event, at)
    if isinstance(event, Patient):
        return context_facts(event, at), "applied"
    if isinstance(event, (Attribution, InfectionWorkup)):
        return [statement_fact(event, at)], "applied"
    return [], "no_rule"


def is_repeat(state: State, event: PatientEventType, at: int) -> bool | None:
    """Whether an event is known (applied, or taken back) with this content; None: it is new. `at`: bedside time, ms."""
    key = identity.key_of(event)
    for kept in facts_of_type(state, event.type, key.__eq__):
        if isinstance(kept, VitalsFact) and isinstance(event, Vitals):
            own = vitals_fact(event, at)
            return own._replace(content=kept.content and own.content) == kept._replace(gap_since=0)
        return kept.content in (0, identity.content_of(event))
    for entry in in_course(state, event.type):
        if entry.event_id == key:
            return entry.content in (0, identity.content_of(event))
    by = identity.hashed(event.type, key) if state.corrections else b""
    known = next((one for one in state.corrections if one.by == by), None)
    return None if known is None else known.content == identity.content_of(event)


def in_course(state: State, event_type: str) -> tuple[Dose | ContextFact | InfusionFact, ...]:
    """What the course keeps of events that have left the facts."""
    if event_type == "medication":
        return state.course.doses
    return (*state.course.contexts, *state.course.treatments) if event_type == "patient" else ()


def facts_of_type(state: State, event_type: str, chosen: Callable[[str], bool]) -> tuple[Fact, ...]:
    """The facts of a type of event whose key is chosen, and those that were taken back."""
    return (*of_type(state.facts, event_type, chosen), *of_type(state.taken_back, event_type, chosen))


def of_type(facts: Facts, event_type: str, chosen: Callable[[str], bool]) -> tuple[Fact, ...]:
    """The facts of a type of event whose key is chosen."""
    return tuple(fact for name in identity.KINDS[event_type] for fact in getattr(facts, name) if chosen(fact.event_id))


def size(facts: Facts) -> int:
    """How many facts are kept."""
    return sum(len(kind) for kind in facts)


def with_fact(facts: Facts, fact: Fact) -> Facts:
    """The facts with one more, each kind in bedside order."""
    name = _KIND[type(fact)]
    kind: tuple[Any, ...] = getattr(facts, name)
    if not kind or _order(kind[-1]) <= _order(fact):
        return facts._replace(**{name: (*kind, fact)})
    ordered = list(kind)
    insort(ordered, fact, key=_order)
    return facts._replace(**{name: tuple(ordered)})


def with_facts(facts: Facts, more: Iterable[Fact]) -> Facts:
    """The facts with some more."""
    for fact in more:
        facts = with_fact(facts, fact)
    return facts


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
