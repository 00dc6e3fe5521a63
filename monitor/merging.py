"""Records that are merged: what is left here, what goes on elsewhere, and how a merge is undone.

For a week after a merge both rows also carry the state as it would be without it, and every event that would have come
to that state is judged for it too, in silence. A void of the merge within that week makes it the state again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from monitor.alerts import messages
from monitor.alerts.candidate import rule_context
from monitor.course import fold
from monitor.guidelines.in_force import Guideline
from monitor.model import AlertBook, Merge, State, fresh
from monitor.record import merge, row
from monitor.step_types import Rejected, Step
from monitor.units import DAY
from monitor.verdicts import Verdict
from schemas.events import Patient, PatientEventType
from schemas.patient_event import Void
from schemas.system_records import Story

UNDONE_WITHIN = 7 * DAY
MAX_MERGES = 3  # that can be undone; of more the oldest cannot
MAX_PAST_MERGES = 8
ID_LENGTH = 100  # of an id that others are made of

Judge = Callable[[State], State]
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


def merge_into_other(
    guideline: Guideline, before: State, state: State, event: Patient, verdicts: list[Verdict]
) -> Step:
    """The record is merged into another patient's: its alerts close here, its state is forwarded there.

    `before`: the state before the event.
    """
    at, into = state.clock, event.merged_into
    assert into is not None
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
        merges=(Merge(into, event.event_id[:ID_LENGTH], at, _silent(before)),),
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


def undo(
    guideline: Guideline,
    state: State,
    event: PatientEventType,
    undone: Merge,
    reconcile: Reconcile,
    judge: Callable[..., Step],
) -> Step:
    """A merge is taken back: both records go on as if it had never been; too late, both show it."""
    forwards = () if state.merged_into is None else (void_of(state, event, undone),)
    if not undone.without:
        why = "replaces: a merge of more than 7 days ago"
        rejected = (Rejected(None, "merge_not_undone", why, event.event_id),) if forwards else ()
        late = state._replace(merge_not_undone_at=state.clock)
        done = reconcile(guideline, late, [Verdict("merge_not_undone")], rejected=rejected)
        return done._replace(forwards=forwards)
    alone = without(state, undone)
    if not forwards:
        return reconcile(guideline, alone, [Verdict("merge_undone")], retracting=True)
    done = judge(guideline, alone, event, at=state.clock)
    return done._replace(verdicts=(Verdict("merge_undone"), *done.verdicts), forwards=(*forwards, *done.forwards))


def taken_over(guideline: Guideline, ours: State, story: Story, log_at: int) -> State:
    """Both records as one. Raises ValueError when the handover is none."""
    theirs = merge.unpack(story.story)
    if ours.merged_into is not None:
        ours = ours._replace(merged_into=None, merges=())
    own = Merge(story.path[-1], story.event_id.removesuffix(">0")[:ID_LENGTH], log_at)
    before = [one for one in (*ours.merges, *theirs.merges) if one.without]
    newest = sorted((*before, own), key=lambda one: one.at)[-MAX_MERGES:]
    both = _both(guideline, ours._replace(clock=log_at), theirs, own, {one.event_id for one in newest})
    return _with_past(both, (*ours.merges, *theirs.merges), theirs.past_merges)


def _both(guideline: Guideline, ours: State, theirs: State, own: Merge, kept: set[str]) -> State:
    """Both records as one, and what that would be without each merge that is kept: of ours, of theirs, and this one."""

    def without(one: Merge, ours: State, theirs: State) -> Merge:
        return one._replace(without=_silent(_both(guideline, ours, theirs, own, kept)))

    merges = [without(one, _unpacked(one), theirs) for one in ours.merges if one.event_id in kept]
    merges += [without(one, ours, _unpacked(one)) for one in theirs.merges if one.event_id in kept]
    merges += [own._replace(without=_silent(ours))] if own.event_id in kept else []
    return merge.joined(guideline, ours, theirs)._replace(merges=tuple(sorted(merges, key=lambda one: one.at)))


def beside(state: State, event: PatientEventType, judge: Judge) -> State:
    """The state with an event judged for what it would be without each merge, too, unless it came by that merge."""
    path = event.merged_from or ()
    lasting = (one for one in state.merges if one.without and one.at > state.clock - UNDONE_WITHIN)
    merges = tuple(
        one if one.patient_id in path else one._replace(without=_silent(judge(_unpacked(one)))) for one in lasting
    )
    return _with_past(state._replace(merges=merges), state.merges)


def undone_by(state: State, event: PatientEventType) -> Merge | None:
    """The merge that an event takes back or corrects; its `without` is empty where that is too late."""
    if event.type != "patient" or event.replaces is None:
        return None
    path = event.merged_from or ()
    for one in (*state.merges, *state.past_merges):
        is_its = one.patient_id in path if state.merged_into is None else not path
        if is_its and one.event_id == event.replaces[:ID_LENGTH]:
            return one._replace(without=one.without if one.at > state.clock - UNDONE_WITHIN else b"")
    return None


def without(state: State, undone: Merge) -> State:
    """The state as if the merge had never been. Alerts go on from what was published."""
    alone = _unpacked(undone)
    book = state.alerts._replace(closed=alone.alerts.closed)
    return alone._replace(clock=state.clock, alerts=book, due_at=state.due_at)


def void_of(state: State, event: PatientEventType, undone: Merge) -> Void:
    """The void of the merge, for the record into which this one was merged."""
    return Void(
        type="patient",
        event_id=f"{event.event_id[:ID_LENGTH]}>x",
        patient_id=undone.patient_id,
        effective_at=event.effective_at,
        received_at=event.received_at,
        replaces=undone.event_id,
        status="entered_in_error",
        merged_from=(*(event.merged_from or ()), state.patient_id),
    )


def _with_past(state: State, before: Iterable[Merge], more: tuple[Merge, ...] = ()) -> State:
    """The state with those merges of before noted that cannot be undone any more."""
    kept = {one.event_id for one in state.merges}
    past = [one._replace(without=b"") for one in before if one.event_id not in kept]
    return state._replace(past_merges=(*state.past_merges, *more, *past)[-MAX_PAST_MERGES:])


def _silent(state: State) -> bytes:
    """A state to be kept beside another: its alerts are not published."""
    return merge.pack(state._replace(alerts=AlertBook(closed=state.alerts.closed), recent_courses=()))


def _unpacked(one: Merge) -> State:
    return row.decode(one.without).state
