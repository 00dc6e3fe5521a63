"""Where an event belongs: its facts in bedside order, on the course or below it, and out again when it was an error."""

from __future__ import annotations

from monitor.course import fold
from monitor.guidelines.in_force import Guideline
from monitor.model import Course, Facts, InfusionFact, State, VitalsFact
from monitor.record import history, latest_values
from monitor.record.history import Fact
from monitor.record.late import add_before_checkpoint, remove_from_checkpoint
from monitor.units.instants import LONG_AGO, NEVER
from monitor.verdicts import Reason

MAX_VOIDED_IDS = 64
# Where a course has passed is remembered once folding anew takes long: what comes late comes mostly seconds late.
MAX_RECENT_COURSES = 2
REMEMBER_COURSES_FROM = 32  # observations


def is_known(state: State, event_id: str) -> bool:
    """Whether this event was applied already."""
    return any(known == event_id for known in history.ids(state.facts)) or any(
        dose.event_id == event_id for dose in state.course.doses
    )


def remove_event(guideline: Guideline, state: State, event_id: str) -> tuple[State, int | None]:
    """The state as if an event had never been, to be folded anew from an instant; None when it had not been known."""
    before = state.checkpoint
    replaced = (
        state.voided_event_ids
        if event_id in state.voided_event_ids
        else (*state.voided_event_ids, event_id)[-MAX_VOIDED_IDS:]
    )
    since = min((fact.at for kind in state.facts for fact in kind if fact.event_id == event_id), default=None)
    base = remove_from_checkpoint(guideline, before, event_id)
    wrong = next((f for f in state.facts.vitals if f.event_id == event_id), None)
    facts = state.facts if since is None else history.remove(state.facts, event_id)
    shown = state.latest if wrong is None else latest_values.remove(state.latest, wrong, facts)
    watch = state.feed_health
    if wrong is not None and wrong.at == watch.vitals_at and facts.vitals:
        last_at = facts.vitals[-1].at
        charted = all(f.charted for f in facts.vitals if f.at == last_at)
        watch = watch._replace(vitals_at=last_at, vitals_charted=charted)
    state = state._replace(voided_event_ids=replaced, facts=facts, checkpoint=base, latest=shown, feed_health=watch)
    return state, since if base is before else LONG_AGO


def insert(
    guideline: Guideline, state: State, facts: list[Fact], *, since: int | None = None
) -> tuple[State, Reason | None]:
    """The state with facts in their place; folded on when they are the newest, folded anew when they came late.

    `since`: from which instant on the story is another than the course has it, because something was taken back.
    """
    late: Reason | None = None
    kept = state.facts
    base = state.checkpoint
    newest = Facts()
    changed_at = NEVER if since is None else since
    for fact in facts:
        if fact.at < base.at:
            if isinstance(fact, InfusionFact):
                fact = fact._replace(at=base.at)
            elif (with_it := add_before_checkpoint(guideline, base, fact)) is not None:
                base, late, changed_at = with_it, "late", LONG_AGO
                continue
            else:
                late = late or "too_late"
                continue
        if fact.at <= state.course.at:
            late = (late or "late") if fact.at < state.course.at else late
            changed_at = min(changed_at, fact.at)
        kept = history.insert(kept, fact)
        newest = history.insert(newest, fact)
    if changed_at < NEVER:
        state = refold(guideline, state._replace(checkpoint=base, facts=kept), changed_at)
    else:
        course = fold.fold(guideline, state.course, history.by_instant(newest))
        state = state._replace(course=course, facts=kept)
    if history.is_time_to_thin(kept.vitals, state.thinned_until):
        vitals, passed = thin(guideline, kept.vitals, state.course, state.recent_courses, changed_at)
        facts_now = kept._replace(vitals=vitals)
        state = state._replace(facts=facts_now, thinned_until=state.course.at, recent_courses=passed)
    elif changed_at <= (state.recent_courses[0].at if state.recent_courses else state.thinned_until):
        vitals = history.thin(kept.vitals, guideline.profile, state.course, changed_at)
        state = state._replace(facts=kept._replace(vitals=vitals))
    return advance_checkpoint(guideline, state), late


def refold(guideline: Guideline, state: State, since: int) -> State:
    """The state folded anew from an instant on: from where the course last passed before it, else the checkpoint."""
    passed = [course for course in state.recent_courses if course.at < since]
    course, facts = state.checkpoint, state.facts
    if passed:
        course, (_, facts) = passed[-1], history.split(facts, passed[-1].at)
    for before in state.recent_courses[len(passed) :]:
        older, facts = history.split(facts, before.at)
        course = fold.fold(guideline, course, history.by_instant(older))
        passed.append(course)
    course = fold.fold(guideline, course, history.by_instant(facts))
    return state._replace(course=course, recent_courses=tuple(passed))


def thin(
    guideline: Guideline, vitals: tuple[VitalsFact, ...], course: Course, passed: tuple[Course, ...], since: int = NEVER
) -> tuple[tuple[VitalsFact, ...], tuple[Course, ...]]:
    """The observations thinned, and where the course has passed lately and is now, if they are still many."""
    vitals = history.thin(vitals, guideline.profile, course, since)
    return vitals, (*passed, course)[-MAX_RECENT_COURSES:] if len(vitals) >= REMEMBER_COURSES_FROM else ()


def advance_checkpoint(guideline: Guideline, state: State) -> State:
    """What is older than a day folded into the checkpoint, so that the facts stay few."""
    until = history.checkpoint_due(state.facts, state.course.at)
    if until is None:
        return state
    state = checkpoint_at(guideline, state, until)
    assert history.size(state.facts) <= history.MAX_FACTS, "the facts are bounded"
    return state


def checkpoint_at(guideline: Guideline, state: State, until: int) -> State:
    """The same story with all facts up to and including an instant in its checkpoint."""
    older, newer = history.split(state.facts, until)
    base = fold.fold(guideline, state.checkpoint, history.by_instant(older))
    return state._replace(
        checkpoint=base, facts=newer, recent_courses=tuple(c for c in state.recent_courses if c.at >= base.at)
    )
