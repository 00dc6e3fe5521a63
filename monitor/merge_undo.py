"""How a merge is undone: what the state would be without it is kept beside the state, and judged too.

For a week after a merge both rows carry that other state, and every event that would have come to it is judged for it,
in silence. A void of the merge within the week makes it the state again.
"""

from __future__ import annotations

from collections.abc import Callable

from monitor.guidelines.in_force import Guideline
from monitor.merging import ID_LENGTH, MAX_PAST_MERGES, UNDONE_WITHIN, Reconcile, silent, unpacked, with_past
from monitor.model import Merge, State
from monitor.record.corrections import is_out
from monitor.step_types import Rejected, Step
from monitor.verdicts import Verdict
from schemas.events import PatientEventType
from schemas.patient_event import Void

Judge = Callable[[State], Step]


def beside(state: State, event: PatientEventType, judge: Judge) -> State:
    """The state with an event judged for what it would be without each merge, too, unless it came by that merge."""
    path = event.merged_from or ()
    lasting = (one for one in state.merges if one.without and one.at > state.clock - UNDONE_WITHIN)
    merges = tuple(
        one if one.patient_id in path else one._replace(without=silent(judge(unpacked(one)).state)) for one in lasting
    )
    return with_past(state._replace(merges=merges), state.merges)


def left_again(state: State, event: PatientEventType, judge: Judge) -> State | Step:
    """What an event does to the record that was merged away: its merge is taken back by it, or the record stays so."""
    for made in state.merges:
        if made.without and made.at > state.clock - UNDONE_WITHIN:
            done = judge(without(state, made))
            if undone_by(state, event) is not None or is_out(done.state, "patient", made.event_id):
                after = noted(done.state, made) if done.state.merged_into is None else done.state
                verdicts = (Verdict("merge_undone"), *done.verdicts)
                return done._replace(
                    state=after, verdicts=verdicts, forwards=(void_of(state, event, made), *done.forwards)
                )
            return state._replace(merges=(made._replace(without=silent(done.state)),))
    return with_past(state._replace(merges=()), state.merges)


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


def undo(
    guideline: Guideline,
    state: State,
    event: PatientEventType,
    undone: Merge,
    reconcile: Reconcile,
) -> Step:
    """A merge into this record is taken back; or, too late, one of this record: both show it then."""
    forwards = () if state.merged_into is None else (void_of(state, event, undone),)
    if not undone.without:
        why = "replaces: a merge of more than 7 days ago"
        rejected = (Rejected(None, "merge_not_undone", why, event.event_id),) if forwards else ()
        late = state._replace(merge_not_undone_at=state.clock)
        done = reconcile(guideline, late, [Verdict("merge_not_undone")], rejected=rejected)
        return done._replace(forwards=forwards)
    return reconcile(guideline, without(state, undone), [Verdict("merge_undone")], retracting=True)


def without(state: State, undone: Merge) -> State:
    """The state as if the merge had never been. Alerts go on from what was published."""
    alone = unpacked(undone)
    book = state.alerts._replace(closed=alone.alerts.closed)
    return alone._replace(clock=state.clock, alerts=book, due_at=state.due_at)


def noted(state: State, undone: Merge) -> State:
    """The state with a merge noted that is not made, or not any more, because it was taken back."""
    return state._replace(undone_merges=(*state.undone_merges, undone._replace(without=b""))[-MAX_PAST_MERGES:])


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
