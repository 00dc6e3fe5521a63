"""The facts of the last 24 hours, kept in bedside order and bounded; older ones are folded into the checkpoint.

thinning.py drops observations like their neighbours; beyond MAX_FACTS facts or 25 h the oldest facts move into the
checkpoint.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Iterable
from math import inf
from typing import Any

from monitor.course import fold
from monitor.guidelines.in_force import Guideline
from monitor.model import (
    ContextFact,
    Course,
    Fact,
    Facts,
    FactsAt,
    InfusionFact,
    MedicationFact,
    State,
    StatementFact,
    VitalsFact,
)
from monitor.record.thinning import thin
from monitor.units import HOUR, NEVER

MAX_FACTS = 512  # of all kinds
EXACT_LATE_MS = 24 * HOUR  # late events are exact this far back
CHECKPOINT_STEP_MS = HOUR  # the checkpoint moves once an hour, not at every event
# Past courses are remembered when there are so many observations that folding them anew takes long: most late events
# are seconds late.
MAX_RECENT_COURSES = 2
REMEMBER_COURSES_FROM = 32  # observations

_KIND: dict[type, str] = {
    VitalsFact: "vitals",
    MedicationFact: "medications",
    ContextFact: "contexts",
    InfusionFact: "infusions",
    StatementFact: "statements",
}


def is_known(state: State, event_id: str) -> bool:
    """Whether this event was applied already."""
    return any(known == event_id for known in event_ids(state.facts)) or any(
        dose.event_id == event_id for dose in state.course.doses
    )


def thin_and_remember(
    guideline: Guideline, vitals: tuple[VitalsFact, ...], course: Course, recent: tuple[Course, ...], since: int = NEVER
) -> tuple[tuple[VitalsFact, ...], tuple[Course, ...]]:
    """The observations thinned, and the recent courses with this one, if there are still many observations."""
    vitals = thin(vitals, guideline.profile, course, since)
    return vitals, (*recent, course)[-MAX_RECENT_COURSES:] if len(vitals) >= REMEMBER_COURSES_FROM else ()


def advance_checkpoint(guideline: Guideline, state: State) -> State:
    """The state with what is older than a day in its checkpoint, so that the facts stay few."""
    until = _checkpoint_due(state.facts, state.course.at)
    if until is None:
        return state
    state = checkpoint_at(guideline, state, until)
    assert size(state.facts) <= MAX_FACTS, "the facts are bounded"
    return state


def checkpoint_at(guideline: Guideline, state: State, until: int) -> State:
    """The state with all facts up to and including an instant in its checkpoint."""
    older, newer = split(state.facts, until)
    checkpoint = fold.fold(guideline, state.checkpoint, by_instant(older))
    recent = tuple(course for course in state.recent_courses if course.at >= checkpoint.at)
    return state._replace(checkpoint=checkpoint, facts=newer, recent_courses=recent)


def _checkpoint_due(facts: Facts, newest_at: int) -> int | None:
    """The instant up to which the checkpoint should move, or None while the facts are few and young."""
    oldest_at = min((kind[0].at for kind in facts if kind), default=newest_at)
    if oldest_at < newest_at - EXACT_LATE_MS - CHECKPOINT_STEP_MS:
        return newest_at - EXACT_LATE_MS
    if size(facts) > MAX_FACTS:
        instants = sorted(fact.at for kind in facts for fact in kind)
        return instants[len(instants) - MAX_FACTS * 3 // 4]
    return None


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
