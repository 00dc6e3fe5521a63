"""Where an event belongs: its facts in bedside order, on the course or below it, and out again when it was an error."""

from __future__ import annotations

from monitor import belated, history, latest
from monitor import course as courses
from monitor.guideline import Guideline
from monitor.history import Fact
from monitor.state import Facts, InfusionFact, State
from monitor.verdicts import Reason

REPLACED_KEPT = 64


def is_known(state: State, event_id: str) -> bool:
    """Whether this event was applied already."""
    return any(known == event_id for known in history.ids(state.facts)) or any(
        dose.event_id == event_id for dose in state.course.doses
    )


def taken_back(guideline: Guideline, state: State, event_id: str) -> tuple[State, bool]:
    """The state as if an event had never been, to be folded anew; and whether it had been known."""
    before = state.base
    replaced = state.replaced if event_id in state.replaced else (*state.replaced, event_id)[-REPLACED_KEPT:]
    known = event_id in history.ids(state.facts)
    base = belated.without(guideline, before, event_id)
    wrong = next((f for f in state.facts.vitals if f.event_id == event_id), None)
    facts = history.without(state.facts, event_id) if known else state.facts
    shown = state.latest if wrong is None else latest.without(state.latest, wrong, facts)
    watch = state.watch
    if wrong is not None and wrong.at == watch.vitals_at and facts.vitals:
        last_at = facts.vitals[-1].at
        charted = all(f.charted for f in facts.vitals if f.at == last_at)
        watch = watch._replace(vitals_at=last_at, vitals_charted=charted)
    state = state._replace(replaced=replaced, facts=facts, base=base, latest=shown, watch=watch)
    return state, known or base is not before


def placed(guideline: Guideline, state: State, facts: list[Fact], *, refold: bool) -> tuple[State, Reason | None]:
    """The state with facts in their place; folded on when they are the newest, folded anew when they came late."""
    late: Reason | None = None
    kept = state.facts
    base = state.base
    newest = Facts()
    for fact in facts:
        if fact.at < base.at:
            if isinstance(fact, InfusionFact):
                fact = fact._replace(at=base.at)
            elif (with_it := belated.taken_in(guideline, base, fact)) is not None:
                base, late, refold = with_it, "late", True
                continue
            else:
                late = late or "too_late"
                continue
        if fact.at <= state.course.at:
            late, refold = (late or "late") if fact.at < state.course.at else late, True
        kept = history.insert(kept, fact)
        newest = history.insert(newest, fact)
    profile = guideline.profile
    if refold:
        course = courses.fold(guideline, base, history.groups(kept))
    else:
        course = courses.fold(guideline, state.course, history.groups(newest))
    if history.is_many(kept.vitals):
        kept = kept._replace(vitals=history.thin(kept.vitals, profile, course))
    return checkpointed(guideline, state._replace(base=base, course=course, facts=kept)), late


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
    return state._replace(base=courses.fold(guideline, state.base, history.groups(older)), facts=newer)
