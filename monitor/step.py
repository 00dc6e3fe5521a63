"""One event in, the patient's new state, alerts and verdicts out. Pure, total, deterministic.

A reading like the one before takes the fast path (course/fast_path). Any other event becomes facts, which are inserted
by bedside time (record/late_events); the course continues, or is folded anew when the event came late or corrects
another (course/fold); and the alerts that should be open are compared with those that are (alerts/lifecycle).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from monitor.alerts import acknowledge, lifecycle, messages
from monitor.alerts.candidate import rule_context
from monitor.course import fast_path, fold
from monitor.guidelines.in_force import Guideline
from monitor.model import AlertBook, CatchingUp, Course, Fact, State, fresh
from monitor.record import late_events, latest_vitals, merge
from monitor.record.facts import context_facts, is_known, statement_fact, vitals_fact
from monitor.record.medication_facts import medication_facts
from monitor.record.unchanged_reading import with_unchanged_reading
from monitor.units import NEVER, SECOND, clock, to_ms, whole_second
from monitor.verdicts import Reason, Verdict
from schemas.alerts import Alert
from schemas.assessments import Acknowledge, Attribution, InfectionWorkup, Snooze
from schemas.dead_letters import DeadLetterReason
from schemas.decoded import ImplausibleSignal
from schemas.events import JudgedEvent, Medication, Patient, PatientEventType, Tick, Vitals
from schemas.patient_event import Void
from schemas.system_records import Story


@dataclass(frozen=True, slots=True)
class Rejected:
    """A part of an event, or all of it, that could not be used: a dead letter for the shell to write."""

    signal: str | None
    reason: DeadLetterReason
    detail: str
    event_id: str


class Step(NamedTuple):
    """What one event did."""

    state: State
    alerts: tuple[Alert, ...] = ()
    verdicts: tuple[Verdict, ...] = ()
    rejected: tuple[Rejected, ...] = ()
    forwards: tuple[PatientEventType, ...] = ()


BACKLOG_QUIET_AFTER = 5 * SECOND
BACKLOG_LONGEST = 60 * SECOND
MAX_UNKNOWN_DRUGS = 8
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
) -> Step:
    """Apply one event. Log time is `at` (ms), else `received_at`, else `effective_at`; it never goes backward.

    `is_ahead`: the feed says that the event arrived after the broker had it, so its clock runs ahead.
    `backlog_at`: when it was read (ms), if it had to wait for a worker: alerts are then raised by the first tick after
    the patient's backlog, so that only what is still true is raised.
    """
    if isinstance(event, Tick):
        return _tick(guideline, state, to_ms(event.effective_at))
    effective_at = to_ms(event.effective_at)
    if at is None:
        at = effective_at if event.received_at is None else to_ms(event.received_at)
    log_at = max(state.clock, at)
    if backlog_at is None and not implausible and not is_ahead and isinstance(event, Vitals):
        fact = vitals_fact(event, effective_at)
        course = fast_path.course_after(guideline.profile, state, event, fact, log_at)
        if course is not None:
            return _new(Step, (with_unchanged_reading(guideline, state, event, fact, course, log_at), (), SAME, (), ()))
    state = _with_limits(guideline, state)
    if isinstance(event, Story):
        # A record that is already in the handover's path takes it over again: a circle of merges must end.
        if state.merged_into is None or state.patient_id in event.path:
            return _take_over(guideline, state, event, log_at)
        event = event.model_copy(update={"path": (*event.path, state.patient_id)})
    if state.merged_into is not None:
        forward = event.model_copy(update={"patient_id": state.merged_into})
        return Step(state, verdicts=(Verdict("forwarded"),), forwards=(forward,))
    catching_up = None if backlog_at is None else _catching_up(state, backlog_at)
    state = state._replace(clock=log_at, catching_up=catching_up)
    if is_ahead or effective_at > log_at + guideline.profile.clock_ahead:
        return _from_the_future(guideline, state, event, "received_at" if is_ahead else "effective_at")
    return _apply(guideline, state, event, implausible)


def _with_limits(guideline: Guideline, state: State) -> State:
    """The state; a patient nothing is known about gets a course with the limits of an adult."""
    if state.course.sbp_below:
        return state
    start = fold.begin(guideline.profile)
    return state._replace(checkpoint=start, course=start)


def _catching_up(state: State, backlog_at: int) -> CatchingUp:
    """The patient whose backlog is being read: alerts wait until it has been quiet for a while, but not for ever."""
    since = backlog_at if state.catching_up is None else state.catching_up.since
    return CatchingUp(since, min(backlog_at + BACKLOG_QUIET_AFTER, since + BACKLOG_LONGEST))


def _tick(guideline: Guideline, state: State, at: int) -> Step:
    """Time passes. Only a due patient changes."""
    if state.due_at is None or at < state.due_at:
        return Step(state, verdicts=NOT_DUE)
    return _reconcile(guideline, state._replace(clock=max(state.clock, at), catching_up=None), [])


def _apply(
    guideline: Guideline, state: State, event: PatientEventType, implausible: tuple[ImplausibleSignal, ...]
) -> Step:
    """The full way of an event, in the order: repeated, removing, feed health, facts, alerts."""
    voided = event.event_id in state.voided_event_ids
    # A correction that was itself voided before it came still removes what it replaces.
    if is_known(state, event.event_id) or (voided and event.replaces in (None, *state.voided_event_ids)):
        return Step(state, verdicts=(Verdict("duplicate"),))
    effective_at = to_ms(event.effective_at)
    verdicts: list[Verdict] = []
    changed_at: int | None = None
    if event.replaces is not None:
        state, changed_at = late_events.remove_event(guideline, state, event.replaces)
        verdicts.append(Verdict("voided" if isinstance(event, Void) else "replaced"))
    feed = latest_vitals.update_feed(state.feed_health, event, (part.signal for part in implausible), effective_at)
    state = state._replace(feed_health=feed, defect_at=None)
    if isinstance(event, (Acknowledge, Snooze)):
        return _acknowledge(guideline, state, event, verdicts)
    facts: list[Fact] = []
    if not voided and not isinstance(event, Void):
        facts, verdict = _facts(guideline, event, effective_at)
        verdicts.append(Verdict(verdict))
        state = _with_display(state, event, effective_at, verdict)
    state, late = late_events.insert(guideline, state, facts, since=changed_at)
    if late:
        verdicts.append(Verdict(late))
    if isinstance(event, Patient) and event.merged_into is not None and event.merged_into != state.patient_id:
        return _merge(guideline, state, event, event.merged_into, verdicts)
    letters = tuple(Rejected(part.signal, "implausible_value", part.detail, event.event_id) for part in implausible)
    verdicts.extend(Verdict("implausible") for _ in implausible)
    return _reconcile(guideline, state, verdicts, rejected=letters, retracting=changed_at is not None)


def _from_the_future(guideline: Guideline, state: State, event: PatientEventType, field: str) -> Step:
    """An event of a clock that runs ahead is not judged, and moves nobody's clock."""
    rejected = Rejected(None, "from_the_future", f"{field} is ahead of {clock(state.clock)}", event.event_id)
    state = state._replace(feed_health=latest_vitals.with_clock_ahead(state.feed_health, event, state.clock))
    return _reconcile(guideline, state, [Verdict("from_the_future")], rejected=(rejected,))


def _with_display(state: State, event: PatientEventType, at: int, verdict: Reason) -> State:
    """The state with what is only displayed of an event: latest values, and drugs that are not in the formulary."""
    if isinstance(event, Vitals):
        return state._replace(latest=latest_vitals.update(state.latest, event, at))
    if verdict == "unmapped_drug" and isinstance(event, Medication):
        drugs = dict.fromkeys((*state.unknown_drugs, event.drug[:40]))
        return state._replace(unknown_drugs=tuple(drugs)[-MAX_UNKNOWN_DRUGS:])
    return state


def _facts(guideline: Guideline, event: PatientEventType, at: int) -> tuple[list[Fact], Reason]:
    if isinstance(event, Vitals):
        return [vitals_fact(event, at)], "applied"
    if isinstance(event, Medication):
        return medication_facts(guideline.formulary, event, at)
    if isinstance(event, Patient):
        return context_facts(event, at), "applied"
    if isinstance(event, (Attribution, InfectionWorkup)):
        return [statement_fact(event, at)], "applied"
    return [], "no_rule"


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
    at = state.clock
    context = rule_context(guideline, state, at)
    course = context.course
    outcome = lifecycle.reconcile(context, state.alerts.reported_grade, retracting=retracting)
    due = min((t for t in (course.timer, *outcome.recheck_at) if at < t < NEVER), default=None)
    state = state._replace(alerts=outcome.book, due_at=None if due is None else whole_second(due))
    if context.overtaken:
        verdicts.append(Verdict("overtaken"))
    if not outcome.alerts:
        pending = any(s.pending is not None for s in (course.sbp, course.map, course.spo2))
        verdicts.append(Verdict("held_unconfirmed" if pending else _quiet_reason(course)))
    return Step(state, tuple(outcome.alerts), (*verdicts, *outcome.verdicts), rejected)


def _quiet_reason(course: Course) -> Reason:
    return "held_falling" if course.held.recent_higher else "held_same_grade"


def _merge(guideline: Guideline, state: State, event: Patient, into: str, verdicts: list[Verdict]) -> Step:
    """The record is merged into another patient's: its alerts close here, its state is forwarded there."""
    at = state.clock
    context = rule_context(guideline, state, at)
    closed = tuple(
        messages.closing_message(context, alert, "resolved", "merged into another record", context.grade)
        for alert in state.alerts.open
    )
    story = merge.handover(guideline, state, event, into)
    left = fresh(state.patient_id)._replace(
        clock=at,
        merged_into=into,
        checkpoint=fold.begin(guideline.profile),
        course=fold.begin(guideline.profile),
        alerts=AlertBook(raised=state.alerts.raised),
    )
    return Step(left, closed, (*verdicts, Verdict("merged")), forwards=(story,))


def _take_over(guideline: Guideline, state: State, event: Story, log_at: int) -> Step:
    """The state of a record that was merged into this one arrives: both are judged as one."""
    try:
        theirs = merge.unpack(event.story)
    except ValueError as error:
        rejected = Rejected("story", "wrong_type", str(error), event.event_id)
        return Step(state._replace(clock=log_at), verdicts=(Verdict("no_rule"),), rejected=(rejected,))
    state = merge.joined(guideline, state._replace(clock=log_at, merged_into=None), theirs)
    return _reconcile(guideline, state, [Verdict("merged")])


__all__ = ["ImplausibleSignal", "PatientEventType", "Rejected", "Step", "fresh", "step"]
