"""Where an event belongs: its facts in bedside order, on the course or below it, and out again when it was an error."""

from __future__ import annotations

from monitor.course import fold
from monitor.guidelines.in_force import Guideline
from monitor.model import Course, Facts, InfusionFact, State, VitalsFact
from monitor.record import history, latest_values
from monitor.record import late as belated
from monitor.record.history import Fact
from monitor.units.instants import LONG_AGO, NEVER
from monitor.verdicts import Reason

REPLACED_KEPT = 64
# Where a course has passed is remembered once folding anew takes long: what comes late comes mostly seconds late.
PASSED_KEPT = 2
MANY = 32  # observations


def is_known(state: State, event_id: str) -> bool:
    """Whether this event was applied already."""
    return any(known == event_id for known in history.ids(state.facts)) or any(
        dose.event_id == event_id for dose in state.course.doses
    )


def taken_back(guideline: Guideline, state: State, event_id: str) -> tuple[State, int | None]:
    """The state as if an event had never been, to be folded anew from an instant; None when it had not been known."""
    before = state.base
    replaced = state.replaced if event_id in state.replaced else (*state.replaced, event_id)[-REPLACED_KEPT:]
    since = min((fact.at for kind in state.facts for fact in kind if fact.event_id == event_id), default=None)
    base = belated.without(guideline, before, event_id)
    wrong = next((f for f in state.facts.vitals if f.event_id == event_id), None)
    facts = state.facts if since is None else history.without(state.facts, event_id)
    shown = state.latest if wrong is None else latest_values.without(state.latest, wrong, facts)
    watch = state.watch
    if wrong is not None and wrong.at == watch.vitals_at and facts.vitals:
        last_at = facts.vitals[-1].at
        charted = all(f.charted for f in facts.vitals if f.at == last_at)
        watch = watch._replace(vitals_at=last_at, vitals_charted=charted)
    state = state._replace(replaced=replaced, facts=facts, base=base, latest=shown, watch=watch)
    return state, since if base is before else LONG_AGO


def placed(
    guideline: Guideline, state: State, facts: list[Fact], *, since: int | None = None
) -> tuple[State, Reason | None]:
    """The state with facts in their place; folded on when they are the newest, folded anew when they came late.

    `since`: from which instant on the story is another than the course has it, because something was taken back.
    """
    late: Reason | None = None
    kept = state.facts
    base = state.base
    newest = Facts()
    changed_at = NEVER if since is None else since
    for fact in facts:
        if fact.at < base.at:
            if isinstance(fact, InfusionFact):
                fact = fact._replace(at=base.at)
            elif (with_it := belated.taken_in(guideline, base, fact)) is not None:
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
        state = refolded(guideline, state._replace(base=base, facts=kept), changed_at)
    else:
        course = fold.fold(guideline, state.course, history.groups(newest))
        state = state._replace(course=course, facts=kept)
    if history.is_time_to_thin(kept.vitals, state.thinned_at):
        vitals, passed = thinned(guideline, kept.vitals, state.course, state.passed, changed_at)
        facts_now = kept._replace(vitals=vitals)
        state = state._replace(facts=facts_now, thinned_at=state.course.at, passed=passed)
    elif changed_at <= (state.passed[0].at if state.passed else state.thinned_at):
        vitals = history.thin(kept.vitals, guideline.profile, state.course, changed_at)
        state = state._replace(facts=kept._replace(vitals=vitals))
    return checkpointed(guideline, state), late


def refolded(guideline: Guideline, state: State, since: int) -> State:
    """The state folded anew from an instant on: from where the course last passed before it, else the checkpoint."""
    passed = [course for course in state.passed if course.at < since]
    course, facts = state.base, state.facts
    if passed:
        course, (_, facts) = passed[-1], history.split(facts, passed[-1].at)
    for before in state.passed[len(passed) :]:
        older, facts = history.split(facts, before.at)
        course = fold.fold(guideline, course, history.groups(older))
        passed.append(course)
    course = fold.fold(guideline, course, history.groups(facts))
    return state._replace(course=course, passed=tuple(passed))


def thinned(
    guideline: Guideline, vitals: tuple[VitalsFact, ...], course: Course, passed: tuple[Course, ...], since: int = NEVER
) -> tuple[tuple[VitalsFact, ...], tuple[Course, ...]]:
    """The observations thinned, and where the course has passed lately and is now, if they are still many."""
    vitals = history.thin(vitals, guideline.profile, course, since)
    return vitals, (*passed, course)[-PASSED_KEPT:] if len(vitals) >= MANY else ()


def checkpointed(guideline: Guideline, state: State) -> State:
    """What is older than a day folded into the checkpoint, so that the facts stay few."""
    until = history.overdue(state.facts, state.course.at)
    if until is None:
        return state
    state = folded_until(guideline, state, until)
    assert history.size(state.facts) <= history.CAP, "the facts are bounded"
    return state


def folded_until(guideline: Guideline, state: State, until: int) -> State:
    """The same story with all facts up to and including an instant in its checkpoint."""
    older, newer = history.split(state.facts, until)
    base = fold.fold(guideline, state.base, history.groups(older))
    return state._replace(base=base, facts=newer, passed=tuple(c for c in state.passed if c.at >= base.at))
