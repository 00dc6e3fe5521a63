"""The facts of the last 24 hours: inserted by bedside time, removed when voided, moved into the checkpoint when old.

The newest facts continue the course. For one that comes late, or was corrected or voided, the course is folded anew
from an instant before it, so that it is judged as if it had come in time. The facts are bounded: thinning.py drops
observations like their neighbours; beyond MAX_FACTS facts or 25 h the oldest are folded into the checkpoint.
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
from monitor.record import latest_values
from monitor.record.late import add_before_checkpoint, remove_from_checkpoint
from monitor.record.thinning import THIN_AFTER_NEW_OBSERVATIONS, thin
from monitor.units import HOUR, LONG_AGO, NEVER
from monitor.verdicts import Reason

MAX_FACTS = 512  # of all kinds
EXACT_LATE_MS = 24 * HOUR  # late events are exact this far back
CHECKPOINT_STEP_MS = HOUR  # the checkpoint moves once an hour, not at every event
MAX_VOIDED_IDS = 64
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


def insert(
    guideline: Guideline, state: State, facts: list[Fact], *, since: int | None = None
) -> tuple[State, Reason | None]:
    """The state with one event's facts, and `late` or `too_late` where one of them was.

    `since`: the course must be folded anew from this instant (ms), because an event was removed.
    """
    late: Reason | None = None
    kept = state.facts
    checkpoint = state.checkpoint
    newest = Facts()
    changed_at = NEVER if since is None else since
    for fact in facts:
        if fact.at < checkpoint.at:
            if isinstance(fact, InfusionFact):
                fact = fact._replace(at=checkpoint.at)
            elif (changed := add_before_checkpoint(guideline, checkpoint, fact)) is not None:
                checkpoint, late, changed_at = changed, "late", LONG_AGO
                continue
            else:
                late = late or "too_late"
                continue
        if fact.at <= state.course.at:
            late = (late or "late") if fact.at < state.course.at else late
            changed_at = min(changed_at, fact.at)
        kept = with_fact(kept, fact)
        newest = with_fact(newest, fact)
    if changed_at < NEVER:
        state = refold(guideline, state._replace(checkpoint=checkpoint, facts=kept), changed_at)
    else:
        course = fold.fold(guideline, state.course, by_instant(newest))
        state = state._replace(course=course, facts=kept)
    if is_time_to_thin(kept.vitals, state.thinned_until):
        vitals, recent = thin_and_remember(guideline, kept.vitals, state.course, state.recent_courses, changed_at)
        state = state._replace(facts=kept._replace(vitals=vitals), thinned_until=state.course.at, recent_courses=recent)
    elif changed_at <= (state.recent_courses[0].at if state.recent_courses else state.thinned_until):
        vitals = thin(kept.vitals, guideline.profile, state.course, changed_at)
        state = state._replace(facts=kept._replace(vitals=vitals))
    return advance_checkpoint(guideline, state), late


def remove_event(guideline: Guideline, state: State, event_id: str) -> tuple[State, int | None]:
    """The state without an event, and from when on (ms) its course must be folded anew; None: it was not known.

    The course itself is still the old one: `insert` folds it anew.
    """
    voided = state.voided_event_ids
    if event_id not in voided:
        voided = (*voided, event_id)[-MAX_VOIDED_IDS:]
    since = min((fact.at for kind in state.facts for fact in kind if fact.event_id == event_id), default=None)
    checkpoint = remove_from_checkpoint(guideline, state.checkpoint, event_id)
    removed = next((f for f in state.facts.vitals if f.event_id == event_id), None)
    facts = state.facts if since is None else without_event(state.facts, event_id)
    latest = state.latest if removed is None else latest_values.remove(state.latest, removed, facts)
    feed = state.feed_health
    if removed is not None and removed.at == feed.vitals_at and facts.vitals:
        # Silence counts from the newest observation that is left.
        last_at = facts.vitals[-1].at
        charted = all(f.charted for f in facts.vitals if f.at == last_at)
        feed = feed._replace(vitals_at=last_at, vitals_charted=charted)
    before = state.checkpoint
    state = state._replace(voided_event_ids=voided, facts=facts, checkpoint=checkpoint, latest=latest, feed_health=feed)
    return state, since if checkpoint is before else LONG_AGO


def refold(guideline: Guideline, state: State, since: int) -> State:
    """The state folded anew from an instant on: from the last remembered course before it, else the checkpoint."""
    recent = [course for course in state.recent_courses if course.at < since]
    course, facts = state.checkpoint, state.facts
    if recent:
        course, (_, facts) = recent[-1], split(facts, recent[-1].at)
    for before in state.recent_courses[len(recent) :]:
        older, facts = split(facts, before.at)
        course = fold.fold(guideline, course, by_instant(older))
        recent.append(course)
    course = fold.fold(guideline, course, by_instant(facts))
    return state._replace(course=course, recent_courses=tuple(recent))


def is_time_to_thin(vitals: tuple[VitalsFact, ...], thinned_until: int) -> bool:
    """Whether enough observations came since they were last thinned."""
    return len(vitals) >= THIN_AFTER_NEW_OBSERVATIONS and vitals[-THIN_AFTER_NEW_OBSERVATIONS].at > thinned_until


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
