"""Puts the facts of an event in their place by bedside time: on time, late by up to a day, or corrected and voided.

The newest facts continue the course. For one that comes late, or was corrected or voided, the course is folded anew
from an instant before it, so that it is judged as if it had come in time. What comes more than a day late is in
before_checkpoint.py.
"""

from __future__ import annotations

from monitor.course import fold
from monitor.fact_types import Fact, Facts, InfusionFact, VitalsFact
from monitor.guidelines.in_force import Guideline
from monitor.model import Course, State
from monitor.record.before_checkpoint import add_before_checkpoint
from monitor.record.facts import by_instant, size, split, with_fact
from monitor.record.thinning import THIN_AFTER, thin
from monitor.units import HOUR, LONG_AGO, NEVER
from monitor.verdicts import Reason

MAX_FACTS = 512  # of all kinds
EXACT_LATE_MS = 24 * HOUR  # late events are exact this far back
CHECKPOINT_STEP_MS = HOUR  # the checkpoint moves once an hour, not at every event
# Past courses are remembered when there are so many observations that folding them anew takes long: most late events
# are seconds late.
MAX_RECENT_COURSES = 2
REMEMBER_COURSES_FROM = 32  # observations


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
    if len(kept.vitals) >= THIN_AFTER and kept.vitals[-THIN_AFTER].at > state.thinned_until:
        vitals, recent = thin_and_remember(guideline, kept.vitals, state.course, state.recent_courses, changed_at)
        state = state._replace(facts=kept._replace(vitals=vitals), thinned_until=state.course.at, recent_courses=recent)
    elif changed_at <= (state.recent_courses[0].at if state.recent_courses else state.thinned_until):
        vitals = thin(kept.vitals, guideline.profile, state.course, changed_at)
        state = state._replace(facts=kept._replace(vitals=vitals))
    return advance_checkpoint(guideline, state), late


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
