"""One event in, the patient's new state, alerts and verdicts out. Pure, total, deterministic.

The event finds its place in bedside time (history.py), the course is folded on, or folded anew from the checkpoint when
the event came late or took another back (course.py), and what should stand is held against what stands (alarms.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from monitor import alarms, belated, episodes, history, latest, merge
from monitor import course as courses
from monitor.facts import context_facts, medication_facts, statement_fact, vitals_fact
from monitor.guideline import Guideline
from monitor.history import Fact
from monitor.instant import NEVER, SECOND, clock, to_ms, whole_second
from monitor.state import (
    Book,
    CatchingUp,
    Course,
    Facts,
    InfusionFact,
    Reading,
    Rejects,
    Signal,
    State,
    VitalsFact,
    Watch,
    fresh,
)
from monitor.verdicts import Reason, Verdict
from schemas.alerts import Alert
from schemas.dead_letters import DeadLetterReason
from schemas.events import (
    Acknowledge,
    Attribution,
    InfectionWorkup,
    Medication,
    Patient,
    Snooze,
    Tick,
    Vitals,
)
from schemas.events import Note as FreeText

PatientEventType = Vitals | Medication | Patient | Attribution | Acknowledge | Snooze | InfectionWorkup | FreeText
EventType = PatientEventType | Tick

REPLACED_KEPT = 64
REJECTS_KEPT = 8
ANSWERS_KEPT = 8


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


class Implausible(NamedTuple):
    """A signal outside its plausible range, taken out of its event."""

    signal: str
    value: object
    detail: str


# After a downtime of ours a patient's backlog is read through before anyone hears of it, but not for ever.
GATHERED_AFTER = 5 * SECOND
GATHERED_AT_MOST = 60 * SECOND
# A named tuple without the call of its own constructor; for what every reading of every monitor goes through.
_new = tuple.__new__
NOT_DUE = (Verdict("not_due"),)
SAME = (Verdict("held_same_grade"),)


def step(
    guideline: Guideline,
    state: State,
    event: EventType,
    implausible: tuple[Implausible, ...] = (),
    *,
    at: datetime | None = None,
    backlog_at: int | None = None,
) -> Step:
    """Apply one event. Log time is `at`, else `received_at`, else `effective_at`; it never goes backward.

    `backlog_at`: when it was read, ms, if it had waited because we were down: what it means is then told with the
    first tick after the patient's backlog, so that only what is still true is raised.
    """
    if isinstance(event, Tick):
        return _tick(guideline, state, to_ms(event.effective_at))
    effective_at = to_ms(event.effective_at)
    received_at = at or event.received_at
    known_at = effective_at if received_at is None else to_ms(received_at)
    log_at = max(state.clock, known_at)
    if state.course.sbp_below == 0:
        start = courses.begin(guideline.profile)
        state = state._replace(base=start, course=start)
    if isinstance(event, Patient) and event.story is not None and event.merged_from is not None:
        # A record in the handover's own path takes it back: a circle of merges must end somewhere.
        if state.merged_into is None or state.patient_id in event.merged_from:
            return _take_over(guideline, state, event, log_at)
        path = (*event.merged_from, state.patient_id)
        event = event.model_copy(update={"merged_from": path})
    if state.merged_into is not None:
        moved = event.model_copy(update={"patient_id": state.merged_into})
        return Step(state, verdicts=(Verdict("forwarded"),), forwards=(moved,))
    if backlog_at is not None:
        since = backlog_at if state.catching_up is None else state.catching_up.since
        told_at = min(backlog_at + GATHERED_AFTER, since + GATHERED_AT_MOST)
        state = state._replace(catching_up=CatchingUp(since, told_at))
    elif state.catching_up is not None:
        state = state._replace(catching_up=None)
    elif isinstance(event, Vitals) and not implausible:
        quick = _quick(guideline, state, event, effective_at, log_at)
        if quick is not None:
            return quick
    return _whole(guideline, state, event, implausible, effective_at, log_at)


def _tick(guideline: Guideline, state: State, at: int) -> Step:
    """Time passes. Only a due patient changes."""
    if state.due_at is None or at < state.due_at:
        return Step(state, verdicts=NOT_DUE)
    return _settle(guideline, state._replace(clock=max(state.clock, at), catching_up=None), [])


def _quick(guideline: Guideline, state: State, event: Vitals, effective_at: int, log_at: int) -> Step | None:
    """The common case, a reading that says what the one before said; None when the whole way is needed."""
    course = state.course
    if (
        effective_at <= course.at
        or effective_at >= course.timer
        or (state.due_at is not None and log_at >= state.due_at)
        or effective_at > log_at + guideline.profile.clock_ahead
        # After a silence an alert about it may be open.
        or log_at >= state.watch.vitals_at + guideline.profile.monitor_silence
        or event.replaces is not None
        or event.event_id in state.replaced
        or event.ice_score is not None
        or event.consciousness is not None
        or state.watch.rejects
        or state.watch.ahead_at is not None
        or state.unjudged_at is not None
        or course.context.status in ("discharged", "died")
    ):
        return None
    oxygen = course.oxygen
    device, flow, fio2 = event.oxygen_device, event.oxygen_flow_l_per_min, event.fio2_fraction
    if device is not None or flow is not None or fio2 is not None:
        if (
            oxygen is None
            or device not in (None, oxygen.device)
            or flow not in (None, oxygen.flow)
            or fio2 not in (None, oxygen.fio2)
        ):
            return None
        oxygen = oxygen._replace(charted_at=effective_at, event_id=event.event_id)
    fact = vitals_fact(event, effective_at)
    profile = guideline.profile
    sbp = _same(course.sbp, fact.sbp, course.sbp_below, fact)
    mean = _same(course.map, fact.map, course.map_below, fact)
    spo2 = _same(course.spo2, fact.spo2, profile.spo2_below, fact)
    if sbp is None or mean is None or spo2 is None:
        return None
    temperature, fever = course.temperature, course.fever
    if fact.temperature is not None:
        hot = fact.temperature >= profile.fever_tenths
        if temperature is None or (temperature.value >= profile.fever_tenths) != hot:
            return None
        temperature = Reading(fact.temperature, effective_at, fact.event_id)
        if hot:
            if fever is None or effective_at >= fever.at + profile.fever_holds:
                return None
            fever = temperature
    moved = Course._make((effective_at, sbp, mean, spo2, temperature, fever, *course[6:9], oxygen, *course[10:]))
    assert moved.oxygen is oxygen, "the order of the fields"
    if fever is not course.fever:
        moved = episodes.with_fever(profile, moved, effective_at)
    vitals = (*state.facts.vitals, fact)
    if history.is_many(vitals):
        vitals = history.thin(vitals, profile, course)
    facts = Facts._make((vitals, *state.facts[1:]))
    # As `_replace`, at a third of the cost: this is done for every reading of every monitor.
    shown = latest.after(state.latest, event, effective_at)
    watch = Watch(effective_at, fact.charted)
    replaced, book = state.replaced, state.book
    now = State._make(
        (state.patient_id, log_at, state.due_at, state.base, moved, facts, replaced, shown, book, watch, *state[10:])
    )
    oldest = facts.vitals[0].at
    if oldest < effective_at - history.SPAN - history.SLACK or len(facts.vitals) > history.CAP // 2:
        now = _checkpoint(guideline, now)
    return Step(now, verdicts=SAME)


def _same(signal: Signal, value: int | None, below: int, fact: VitalsFact) -> Signal | None:
    """The signal after a reading of the class that counts already; None when something else happens."""
    if value is None:
        return signal
    counted = signal.counted
    if counted is None or signal.pending is not None or (counted.value < below) != (value < below):
        return None
    return _new(Signal, (_new(Reading, (value, fact.at, fact.event_id)), signal.since, None))


def _whole(
    guideline: Guideline,
    state: State,
    event: PatientEventType,
    implausible: tuple[Implausible, ...],
    effective_at: int,
    log_at: int,
) -> Step:
    """The whole way of an event."""
    state = state._replace(clock=log_at)
    profile = guideline.profile
    if effective_at > log_at + profile.clock_ahead:
        rejected = Rejected(None, "from_the_future", f"effective_at is ahead of {clock(log_at)}", event.event_id)
        ahead = state._replace(watch=state.watch._replace(ahead_at=log_at, ahead_from=_feed_of(event)))
        return _settle(guideline, ahead, [Verdict("from_the_future")], rejected=(rejected,))
    taken_back = event.event_id in state.replaced
    # What was itself taken back before it came still takes back what it replaces.
    if _seen(state, event.event_id) or (taken_back and event.replaces in (None, *state.replaced)):
        return Step(state, verdicts=(Verdict("duplicate"),))
    verdicts: list[Verdict] = []
    retracting = False
    if event.replaces is not None:
        state, retracting = _take_back(guideline, state, event.replaces)
        verdicts.append(Verdict("voided" if event.status == "entered_in_error" else "replaced"))
    state = state._replace(watch=_watched(state.watch, event, implausible, effective_at, profile), unjudged_at=None)
    if isinstance(event, (Acknowledge, Snooze)):
        return _answered(guideline, state, event, verdicts)
    facts: list[Fact] = []
    if event.status != "entered_in_error" and not taken_back:
        facts, verdict = _facts(guideline, event, effective_at)
        verdicts.append(Verdict(verdict))
        if isinstance(event, Vitals):
            state = state._replace(latest=latest.after(state.latest, event, effective_at))
        if verdict == "unmapped_drug" and isinstance(event, Medication):
            drugs = dict.fromkeys((*state.unknown_drugs, event.drug[:40]))
            state = state._replace(unknown_drugs=tuple(drugs)[-8:])
    state, late = _placed(guideline, state, facts, refold=retracting)
    if late:
        verdicts.append(Verdict(late))
    if isinstance(event, Patient) and event.merged_into is not None and event.merged_into != state.patient_id:
        return _merge(guideline, state, event, event.merged_into, verdicts)
    letters = tuple(Rejected(part.signal, "implausible_value", part.detail, event.event_id) for part in implausible)
    verdicts.extend(Verdict("implausible") for _ in implausible)
    return _settle(guideline, state, verdicts, rejected=letters, retracting=retracting)


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


def _seen(state: State, event_id: str) -> bool:
    """Whether this event was applied already."""
    return any(known == event_id for known in history.ids(state.facts)) or any(
        d.event_id == event_id for d in state.course.doses
    )


def _take_back(guideline: Guideline, state: State, event_id: str) -> tuple[State, bool]:
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


def _placed(guideline: Guideline, state: State, facts: list[Fact], *, refold: bool) -> tuple[State, Reason | None]:
    """The state with facts in their place; folded on when they are the newest, folded anew when they came late."""
    late: Reason | None = None
    kept = state.facts
    base = state.base
    fresh_facts = Facts()
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
        fresh_facts = history.insert(fresh_facts, fact)
    profile = guideline.profile
    if refold:
        course = courses.fold(guideline, base, history.groups(kept))
    else:
        course = courses.fold(guideline, state.course, history.groups(fresh_facts))
    if history.is_many(kept.vitals):
        kept = kept._replace(vitals=history.thin(kept.vitals, profile, course))
    return _checkpoint(guideline, state._replace(base=base, course=course, facts=kept)), late


def _checkpoint(guideline: Guideline, state: State) -> State:
    """Fold what is older than a day into the checkpoint, so that the facts stay few."""
    until = history.overdue(state.facts, state.course.at)
    if until is None:
        return state
    older, newer = history.split(state.facts, until)
    base = courses.fold(guideline, state.base, history.groups(older))
    assert history.size(newer) <= history.CAP, "the facts are bounded"
    return state._replace(base=base, facts=newer)


def _feed_of(event: PatientEventType) -> str:
    """Whose clock an event was told by."""
    return f"{event.type}:{event.device_id or ''}" if isinstance(event, Vitals) else event.type


def _watched(
    watch: Watch, event: PatientEventType, implausible: tuple[Implausible, ...], at: int, profile: object
) -> Watch:
    """What watching the feed remembers after an event."""
    if watch.ahead_at is not None and watch.ahead_from == _feed_of(event):
        # Another feed's clock being right mends nothing.
        watch = watch._replace(ahead_at=None, ahead_from=None)
    if not isinstance(event, Vitals):
        return watch
    bad = {part.signal for part in implausible}
    rejects = {r.signal: r.times for r in watch.rejects if getattr(event, r.signal, None) is None}
    for signal in bad:
        times = sorted((*rejects.get(signal, ()), at))[-REJECTS_KEPT:]
        rejects[signal] = tuple(times)
    watch = watch._replace(rejects=tuple(Rejects(s, t) for s, t in sorted(rejects.items())))
    judged = any(getattr(event, name) is not None for name in latest.DISPLAYED)
    if judged and at >= watch.vitals_at and event.status != "entered_in_error":
        # Of two sources of one instant the monitor's, which is missed sooner.
        charted = event.source == "charted" and (at > watch.vitals_at or watch.vitals_charted)
        watch = watch._replace(vitals_at=at, vitals_charted=charted)
    return watch


def _answered(guideline: Guideline, state: State, event: Acknowledge | Snooze, verdicts: list[Verdict]) -> Step:
    """Someone acknowledges or snoozes an alert."""
    index = next((i for i, a in enumerate(state.book.open) if a.alert_id == event.alert_id), None)
    state = state._replace(facts=state.facts)
    if index is None or event.status == "entered_in_error":
        return _settle(guideline, state, [*verdicts, Verdict("no_such_alert")])
    alert = state.book.open[index]
    if event.event_id in alert.answers:
        # Seen is what was seen then: a repeat must not quieten what has worsened since.
        return _settle(guideline, state, [*verdicts, Verdict("duplicate", alert.kind)])
    alert = alert._replace(answers=(*alert.answers, event.event_id)[-ANSWERS_KEPT:])
    at = state.clock
    others = (*state.book.open[:index], *state.book.open[index + 1 :])
    scene, _ = alarms.scene_of(guideline, state, courses.advance(guideline, state.course, at), at)
    if isinstance(event, Acknowledge):
        if alert.acknowledged_at is not None:
            return _settle(guideline, state, [*verdicts, Verdict("duplicate", alert.kind)])
        seen_by = "acknowledged" if event.by is None else f"acknowledged by {event.by}"
        if alert.kind in ("dose_safety", "review"):
            message = alarms.closing(scene, alert, "resolved", seen_by, scene.grade)
            closed = (*state.book.closed, f"{alert.kind}:{alert.key}")
            book = state.book._replace(open=others, closed=closed)
        else:
            seen = alert._replace(version=alert.version + 1, status="updated", acknowledged_at=at)
            message = alarms.marked(scene, seen, seen_by)
            book = state.book._replace(open=(*others, seen))
        verdict = Verdict("acknowledged", alert.kind)
    else:
        longest = to_ms(event.effective_at) + guideline.profile.snooze_at_most
        until = min(to_ms(event.until), longest)
        if alert.snoozed_until == until:
            return _settle(guideline, state, [*verdicts, Verdict("duplicate", alert.kind)])
        if until <= at:
            return _settle(guideline, state, [*verdicts, Verdict("snooze_ended", alert.kind)])
        quiet = alert._replace(version=alert.version + 1, status="updated", snoozed_until=until)
        message = alarms.marked(scene, quiet, f"snoozed until {clock(until)}")
        book = state.book._replace(open=(*others, quiet))
        verdict = Verdict("snoozed", alert.kind)
    done = _settle(guideline, state._replace(book=book), [*verdicts, verdict])
    return Step(done.state, (message, *done.alerts), done.verdicts, done.rejected, done.forwards)


def _settle(
    guideline: Guideline,
    state: State,
    verdicts: list[Verdict],
    *,
    rejected: tuple[Rejected, ...] = (),
    retracting: bool = False,
) -> Step:
    """Hold what should stand now against what stands, and note when time alone may change it."""
    if state.course.sbp_below == 0:
        start = courses.begin(guideline.profile)
        state = state._replace(base=start, course=start)
    if state.catching_up is not None and not retracting:
        due_at = whole_second(state.catching_up.told_at)
        return Step(state._replace(due_at=due_at), (), (*verdicts, Verdict("held_catching_up")), rejected)
    at = state.clock
    course = courses.advance(guideline, state.course, at)
    scene, overtaken = alarms.scene_of(guideline, state, course, at)
    outcome = alarms.reconcile(scene, state.book.announced, retracting=retracting)
    due = min((t for t in (course.timer, *scene.due) if at < t < NEVER), default=None)
    state = state._replace(book=outcome.book, due_at=None if due is None else whole_second(due))
    if overtaken:
        verdicts.append(Verdict("overtaken"))
    if not outcome.alerts:
        pending = any(s.pending is not None for s in (course.sbp, course.map, course.spo2))
        verdicts.append(Verdict("held_unconfirmed" if pending else _held(course)))
    return Step(state, tuple(outcome.alerts), (*verdicts, *outcome.verdicts), rejected)


def _held(course: Course) -> Reason:
    return "held_falling" if course.held.lately else "held_same_grade"


def _merge(
    guideline: Guideline, state: State, event: Patient, into: str, verdicts: list[Verdict], path: tuple[str, ...] = ()
) -> Step:
    """This patient's story continues under another id: its alerts close here, its facts go there."""
    at = state.clock
    scene, _ = alarms.scene_of(guideline, state, courses.advance(guideline, state.course, at), at)
    closed = tuple(
        alarms.closing(scene, alert, "resolved", "merged into another record", scene.grade) for alert in state.book.open
    )
    story = merge.handover(guideline, state, event, into, path)
    left = fresh(state.patient_id)._replace(
        clock=at,
        merged_into=into,
        base=courses.begin(guideline.profile),
        course=courses.begin(guideline.profile),
        book=Book(raised=state.book.raised),
    )
    return Step(left, closed, (*verdicts, Verdict("merged")), forwards=(story,))


def _take_over(guideline: Guideline, state: State, event: Patient, log_at: int) -> Step:
    """Another record's story arrives: judge both as one."""
    assert event.story is not None
    try:
        theirs = merge.unpack(event.story)
    except ValueError as error:
        rejected = Rejected("story", "wrong_type", str(error), event.event_id)
        return Step(state._replace(clock=log_at), verdicts=(Verdict("no_rule"),), rejected=(rejected,))
    state = merge.joined(guideline, state._replace(clock=log_at, merged_into=None), theirs)
    return _settle(guideline, state, [Verdict("merged")])


__all__ = ["Implausible", "Rejected", "Step", "fresh", "step"]
