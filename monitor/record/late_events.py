"""Puts the facts of an event in their place by bedside time: on time, late by up to a day, or corrected and voided.

The newest facts continue the course. For one that comes late, or was corrected or voided, the course is folded anew
from an instant before it, so that it is judged as if it had come in time. What comes more than a day late is in
before_checkpoint.py.
"""

from __future__ import annotations

from monitor.course import fold
from monitor.guidelines.in_force import Guideline
from monitor.model import Fact, Facts, InfusionFact, State, VitalsFact
from monitor.record import latest_values
from monitor.record.before_checkpoint import add_before_checkpoint, remove_from_checkpoint
from monitor.record.history import advance_checkpoint, by_instant, split, thin_and_remember, with_fact, without_event
from monitor.record.thinning import THIN_AFTER_NEW_OBSERVATIONS, thin
from monitor.units import LONG_AGO, NEVER
from monitor.verdicts import Reason

MAX_VOIDED_IDS = 64


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
