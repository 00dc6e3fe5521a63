"""One event in, the patient's new state, alerts and verdicts out. Pure, total, deterministic.

A reading like the one before takes the fast path (course/fast_path). Any other event becomes facts, which are inserted
by bedside time (record/late_events); the course continues, or is folded anew when the event came late or corrects
another (course/fold); and the alerts that should be open are compared with those that are (alerts/lifecycle).
"""

from __future__ import annotations

from functools import partial
from typing import Literal

from monitor import merging
from monitor.alerts import acknowledge, lifecycle
from monitor.alerts.candidate import rule_context
from monitor.course import fast_path, fold
from monitor.fact_types import Fact
from monitor.guidelines.in_force import Guideline
from monitor.model import CatchingUp, State, fresh
from monitor.record import corrections, facts, identity, late_events, latest_vitals
from monitor.record.corrections import Moved
from monitor.record.identity import KnownIds
from monitor.record.unchanged_reading import with_unchanged_reading
from monitor.step_types import Rejected, Step
from monitor.units import NEVER, SECOND, clock, to_ms, whole_second
from monitor.verdicts import Reason, Verdict
from schemas.assessments import Acknowledge, Snooze
from schemas.decoded import ImplausibleSignal
from schemas.events import JudgedEvent, Patient, PatientEventType, Tick, Vitals
from schemas.patient_event import Void
from schemas.system_records import Story

BACKLOG_QUIET_AFTER = 5 * SECOND
BACKLOG_LONGEST = 60 * SECOND
_new = tuple.__new__  # as in fast_path.py
NOT_DUE = (Verdict("not_due"),)
SAME = (Verdict("held_same_grade"),)  # the verdict of the fast path; compared by identity


def step(
    guideline: Guideline,
    state: State,
    event: JudgedEvent,
    implausible: tuple[ImplausibleSignal, ...] = (),
    *,
    at: int | None = None,
    is_ahead: bool = False,
    backlog_at: int | None = None,
    known_ids: KnownIds | None = None,
) -> Step:
    """Apply one event. Log time is `at` (ms), else `received_at`, else `effective_at`; it never goes backward.

    `is_ahead`: the feed says that the event arrived after the broker had it, so its clock runs ahead.
    `backlog_at`: when it was read (ms), if it had to wait for a worker: alerts are then raised by the first tick after
    the patient's backlog, so that only what is still true is raised.
    `known_ids`: of the states of this patient so far, where the caller keeps them; else they are worked out anew.
    """
    if isinstance(event, Tick):
        return _tick(guideline, state, to_ms(event.effective_at))
    log_at = max(state.clock, to_ms(event.received_at or event.effective_at) if at is None else at)
    can_be_short = backlog_at is None and not implausible and not is_ahead and not state.merges
    short = _short_way(guideline, state, event, log_at, known_ids or KnownIds())
    if short is not None and can_be_short:
        return short
    state = _with_limits(guideline, state)
    if isinstance(event, Story) and merging.takes_over(state, event):
        return merging.take_over(guideline, state, event, log_at, _reconcile)
    state = state._replace(clock=log_at, catching_up=_catching_up(state, backlog_at))
    if state.merges or state.past_merges:
        undone = merging.undone_by(state, event)
        if undone is not None:
            return merging.undo(guideline, state, event, undone, _reconcile, step)
        state = merging.beside(state, event, partial(_judged, guideline, event, implausible, log_at, is_ahead))
    if state.merged_into is not None:
        return Step(state, verdicts=(Verdict("forwarded"),), forwards=(merging.forwarded(state, event),))
    if is_ahead or to_ms(event.effective_at) > log_at + guideline.profile.clock_ahead:
        return _from_the_future(guideline, state, event, "received_at" if is_ahead else "effective_at")
    return _apply(guideline, state, event, implausible)


def _judged(
    guideline: Guideline,
    event: PatientEventType,
    implausible: tuple[ImplausibleSignal, ...],
    log_at: int,
    is_ahead: bool,
    state: State,
) -> State:
    return step(guideline, state, event, implausible, at=log_at, is_ahead=is_ahead).state


def _short_way(
    guideline: Guideline, state: State, event: PatientEventType, log_at: int, known_ids: KnownIds
) -> Step | None:
    """The step of a reading like the one before, by the fast path; None: it takes the full way."""
    if not isinstance(event, Vitals):
        known_ids.forget()
        return None
    fact = facts.vitals_fact(event, to_ms(event.effective_at))
    is_known = not known_ids.is_new(state, fact.event_id)
    if state.corrections and not is_known:
        is_known = corrections.concern(state, fact.event_id)
    course = fast_path.course_after(guideline.profile, state, event, fact, log_at, is_known=is_known)
    if course is None:
        return None
    after = with_unchanged_reading(guideline, state, event, fact, course, log_at)
    return _new(Step, (after, (), SAME, (), ()))


def _with_limits(guideline: Guideline, state: State) -> State:
    """The state; a patient nothing is known about gets a course with the limits of an adult."""
    if state.course.sbp_below:
        return state
    start = fold.begin(guideline.profile)
    return state._replace(checkpoint=start, course=start)


def _catching_up(state: State, backlog_at: int | None) -> CatchingUp | None:
    """The patient whose backlog is being read: alerts wait until it has been quiet for a while, but not for ever."""
    if backlog_at is None:
        return None
    since = backlog_at if state.catching_up is None else state.catching_up.since
    return CatchingUp(since, min(backlog_at + BACKLOG_QUIET_AFTER, since + BACKLOG_LONGEST))


def _tick(guideline: Guideline, state: State, at: int) -> Step:
    """Time passes. Only a due patient changes."""
    if state.due_at is None or at < state.due_at:
        return Step(state, verdicts=NOT_DUE)
    return _reconcile(guideline, state._replace(clock=max(state.clock, at), catching_up=None), [])


def _apply(
    guideline: Guideline, before: State, event: PatientEventType, implausible: tuple[ImplausibleSignal, ...]
) -> Step:
    """The full way of an event, in the order: repeated, removing, feed health, facts, alerts."""
    effective_at = to_ms(event.effective_at)
    is_repeat = facts.is_repeat(before, event, effective_at)
    if is_repeat is not None:
        return _repeated(before, event, is_same=is_repeat)
    moved = corrections.moved_by(guideline, before, event) if before.corrections or event.replaces else Moved(before)
    if moved is None:
        return _set_aside(before, event, "ambiguous_id", "replaces: several sources have such an id")
    state = moved.state
    verdicts = [] if event.replaces is None else [Verdict("voided" if isinstance(event, Void) else "replaced")]
    feed = latest_vitals.update_feed(state.feed_health, event, (part.signal for part in implausible), effective_at)
    state = state._replace(feed_health=feed, defect_at=None)
    if isinstance(event, (Acknowledge, Snooze)):
        return _acknowledge(guideline, state, event, verdicts)
    state, own, verdict = _with_facts(guideline, state, event, effective_at)
    state, late = late_events.insert(guideline, state, [*moved.restored, *own], since=moved.since)
    verdicts += [Verdict(reason) for reason in (verdict, None if moved.restored else late) if reason]
    verdicts += [Verdict("implausible")] * len(implausible)
    if isinstance(event, Patient) and event.merged_into not in (None, state.patient_id) and own:
        return merging.merge_into_other(guideline, before, state, event, verdicts)
    letters = tuple(Rejected(part.signal, "implausible_value", part.detail, event.event_id) for part in implausible)
    return _reconcile(guideline, state, verdicts, rejected=letters, retracting=moved.since is not None)


def _with_facts(
    guideline: Guideline, state: State, event: PatientEventType, at: int
) -> tuple[State, list[Fact], Reason | None]:
    """The facts of an event that count; those of one that was taken back before it came are kept with the others."""
    if isinstance(event, Void):
        return state, [], None
    own, verdict = facts.facts_of(guideline.formulary, event, at)
    if state.corrections and corrections.is_out(state, event.type, identity.key_of(event)):
        taken_back = corrections.bounded(facts.with_facts(state.taken_back, own))
        return state._replace(taken_back=taken_back), [], "duplicate"
    return latest_vitals.with_display(state, event, at, verdict), own, verdict


def _repeated(state: State, event: PatientEventType, *, is_same: bool) -> Step:
    """An event whose id is known: a repeat, or another entry under the same id, which may be another."""
    if is_same:
        return Step(state, verdicts=(Verdict("duplicate"),))
    return _set_aside(state, event, "id_reused", "event_id: an earlier entry has it, with other content")


def _set_aside(state: State, event: PatientEventType, reason: Literal["id_reused", "ambiguous_id"], why: str) -> Step:
    return Step(state, verdicts=(Verdict(reason),), rejected=(Rejected(None, reason, why, event.event_id),))


def _from_the_future(guideline: Guideline, state: State, event: PatientEventType, field: str) -> Step:
    """An event of a clock that runs ahead is not judged, and moves nobody's clock."""
    rejected = Rejected(None, "from_the_future", f"{field} is ahead of {clock(state.clock)}", event.event_id)
    state = state._replace(feed_health=latest_vitals.with_clock_ahead(state.feed_health, event, state.clock))
    return _reconcile(guideline, state, [Verdict("from_the_future")], rejected=(rejected,))


def _acknowledge(guideline: Guideline, state: State, event: Acknowledge | Snooze, verdicts: list[Verdict]) -> Step:
    """An alert was acknowledged or snoozed: the message about it comes first, then what else is due."""
    book, message, verdict = acknowledge.apply(guideline, state, event)
    done = _reconcile(guideline, state._replace(alerts=book), [*verdicts, verdict])
    return done if message is None else done._replace(alerts=(message, *done.alerts))


def _reconcile(
    guideline: Guideline,
    state: State,
    verdicts: list[Verdict],
    *,
    rejected: tuple[Rejected, ...] = (),
    retracting: bool = False,
) -> Step:
    """Compares the alerts that should be open now with those that are, and notes when time alone may change them."""
    state = _with_limits(guideline, state)
    if state.catching_up is not None and not retracting:
        due_at = whole_second(state.catching_up.report_at)
        return Step(state._replace(due_at=due_at), (), (*verdicts, Verdict("held_catching_up")), rejected)
    at, context = state.clock, rule_context(guideline, state, state.clock)
    course = context.course
    outcome = lifecycle.reconcile(context, state.alerts.reported_grade, retracting=retracting)
    due = min((t for t in (course.timer, *outcome.recheck_at) if at < t < NEVER), default=None)
    state = state._replace(alerts=outcome.book, due_at=None if due is None else whole_second(due))
    if context.overtaken:
        verdicts.append(Verdict("overtaken"))
    if not outcome.alerts:
        pending = any(s.pending is not None for s in (course.sbp, course.map, course.spo2))
        quiet: Reason = "held_falling" if course.held.recent_higher else "held_same_grade"
        verdicts.append(Verdict("held_unconfirmed" if pending else quiet))
    return Step(state, tuple(outcome.alerts), (*verdicts, *outcome.verdicts), rejected)


__all__ = ["ImplausibleSignal", "PatientEventType", "Rejected", "Step", "fresh", "step"]
