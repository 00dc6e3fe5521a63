"""Records that are merged: what is left here, and what goes on elsewhere. How a merge is undone: merge_undo.py."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from monitor.alerts import messages
from monitor.alerts.candidate import rule_context
from monitor.course import fold
from monitor.guidelines.in_force import Guideline
from monitor.model import AlertBook, Merge, State, fresh
from monitor.record import merge, row
from monitor.record.corrections import stands_again
from monitor.step_types import Rejected, Step
from monitor.units import DAY
from monitor.verdicts import Verdict
from schemas.events import Patient, PatientEventType
from schemas.system_records import Story

UNDONE_WITHIN = 7 * DAY
MAX_MERGES = 3  # that can be undone; of more the oldest cannot
MAX_PAST_MERGES = 8
ID_LENGTH = 100  # of an id that others are made of

Reconcile = Callable[..., Step]


def takes_over(state: State, story: Story) -> bool:
    """Whether the record takes a handover over, or it goes on to where the record itself was merged.

    A record that is already in the handover's path takes it over again: a circle of merges must end.
    """
    return state.merged_into is None or state.patient_id in story.path


def forwarded(state: State, event: PatientEventType) -> PatientEventType:
    """The event as it goes on to the patient into whom the record was merged."""
    if isinstance(event, Story):
        return event.model_copy(update={"patient_id": state.merged_into, "path": (*event.path, state.patient_id)})
    path = (*(event.merged_from or ()), state.patient_id)
    return event.model_copy(update={"patient_id": state.merged_into, "merged_from": path})


def due(state: State, event: PatientEventType, *, counts: bool) -> Merge | None:
    """The merge that is to be made now: this event's, or one that was undone and whose void was taken back.

    `counts`: the event was not taken back before it came.
    """
    if isinstance(event, Patient) and event.merged_into not in (None, state.patient_id) and counts:
        return Merge(str(event.merged_into), event.event_id[:ID_LENGTH], state.clock)
    return next((one for one in state.undone_merges if stands_again(state, "patient", one.event_id)), None)


def merge_into_other(
    guideline: Guideline, before: State, state: State, event: PatientEventType, made: Merge, verdicts: list[Verdict]
) -> Step:
    """The record is merged into another patient's: its alerts close here, its state is forwarded there.

    `before`: the state before the event.
    """
    at, into = state.clock, made.patient_id
    before = before._replace(undone_merges=tuple(m for m in before.undone_merges if m.event_id != made.event_id))
    context = rule_context(guideline, state, at)
    closed = tuple(
        messages.closing_message(context, alert, "resolved", "merged into another record", context.grade)
        for alert in state.alerts.open
    )
    story = merge.handover(guideline, state, event, made.event_id, into)
    left = fresh(state.patient_id)._replace(
        clock=at,
        merged_into=into,
        checkpoint=fold.begin(guideline.profile),
        course=fold.begin(guideline.profile),
        alerts=AlertBook(raised=state.alerts.raised),
        merges=(made._replace(at=at, without=silent(before)),),
    )
    return Step(left, closed, (*verdicts, Verdict("merged")), forwards=(story,))


def take_over(guideline: Guideline, state: State, event: Story, log_at: int, reconcile: Reconcile) -> Step:
    """The state of a record that was merged into this one arrives: both are judged as one."""
    try:
        state = taken_over(guideline, state, event, log_at)
    except ValueError as error:
        rejected = Rejected("story", "wrong_type", str(error), event.event_id)
        return Step(state._replace(clock=log_at), verdicts=(Verdict("no_rule"),), rejected=(rejected,))
    return reconcile(guideline, state, [Verdict("merged")])


def taken_over(guideline: Guideline, ours: State, story: Story, log_at: int) -> State:
    """Both records as one. Raises ValueError when the handover is none."""
    theirs = merge.unpack(story.story)
    if ours.merged_into is not None:
        ours = ours._replace(merged_into=None, merges=())
    own = Merge(story.path[-1], story.event_id.removesuffix(">0")[:ID_LENGTH], log_at)
    before = [one for one in (*ours.merges, *theirs.merges) if one.without]
    newest = sorted((*before, own), key=lambda one: one.at)[-MAX_MERGES:]
    both = _both(guideline, ours._replace(clock=log_at), theirs, own, {one.event_id for one in newest})
    return with_past(both, (*ours.merges, *theirs.merges), theirs.past_merges)


def _both(guideline: Guideline, ours: State, theirs: State, own: Merge, kept: set[str]) -> State:
    """Both records as one, and what that would be without each merge that is kept: of ours, of theirs, and this one."""

    def without(one: Merge, ours: State, theirs: State) -> Merge:
        return one._replace(without=silent(_both(guideline, ours, theirs, own, kept)))

    merges = [without(one, unpacked(one), theirs) for one in ours.merges if one.event_id in kept]
    merges += [without(one, ours, unpacked(one)) for one in theirs.merges if one.event_id in kept]
    merges += [own._replace(without=silent(ours))] if own.event_id in kept else []
    return merge.joined(guideline, ours, theirs)._replace(merges=tuple(sorted(merges, key=lambda one: one.at)))


def with_past(state: State, before: Iterable[Merge], more: tuple[Merge, ...] = ()) -> State:
    """The state with those merges of before noted that cannot be undone any more."""
    kept = {one.event_id for one in state.merges}
    past = [one._replace(without=b"") for one in before if one.event_id not in kept]
    return state._replace(past_merges=(*state.past_merges, *more, *past)[-MAX_PAST_MERGES:])


def silent(state: State) -> bytes:
    """A state to be kept beside another: its alerts are not published."""
    return merge.pack(state._replace(alerts=AlertBook(closed=state.alerts.closed), recent_courses=()))


def unpacked(one: Merge) -> State:
    return row.decode(one.without).state
