"""The short way of a reading that says what the one before said: what every reading of every monitor goes through.

It comes to the same as the long way (tests/properties/test_ways.py), at a sixth of its cost. For that, tuples are taken
apart at once rather than field by field, and made without the call of their own constructor.
"""

from __future__ import annotations

from monitor.course import unchanged_reading
from monitor.guidelines.in_force import Guideline
from monitor.model import Facts, FeedHealth, State
from monitor.record import history, insertion, latest_values
from monitor.record.facts import vitals_fact
from schemas.events import DISCHARGED, Vitals

_new = tuple.__new__
assert State._fields[9:13] == ("feed_health", "merged_into", "defect_at", "unknown_drugs")
assert State._fields[13:] == ("catching_up", "thinned_until", "recent_courses", "unknown_fields")


def apply_unchanged_reading(
    guideline: Guideline, state: State, event: Vitals, effective_at: int, known_at: int
) -> State | None:
    """The state after such a reading; None when the long way is needed."""
    profile = guideline.profile
    patient_id, log_at, due_at, base, course, facts, replaced, shown, book, watch = state[:10]
    merged_into, unjudged_at, unknown_drugs, catching_up, thinned_at, passed, later = state[10:]
    vitals_at, _, rejects, ahead_at, _ = watch
    if known_at > log_at:
        log_at = known_at
    if (
        course.sbp_below == 0
        or (due_at is not None and log_at >= due_at)
        or effective_at > log_at + profile.clock_ahead
        # After a silence an alert about it may be open.
        or log_at >= vitals_at + profile.monitor_silence
        or rejects
        or ahead_at is not None
        or unjudged_at is not None
        or catching_up is not None
        or merged_into is not None
        or event.replaces is not None
        or course.context.status in DISCHARGED
        or (replaced and event.event_id in replaced)
    ):
        return None
    fact = vitals_fact(event, effective_at)
    moved = unchanged_reading.advance_within_bands(profile, course, fact)
    if moved is None:
        return None
    vitals = (*facts[0], fact)
    if history.is_time_to_thin(vitals, thinned_at):
        vitals, passed = insertion.thin(guideline, vitals, moved, passed)
        thinned_at = effective_at
    now = _new(
        State,
        (
            patient_id,
            log_at,
            due_at,
            base,
            moved,
            _new(Facts, (vitals, *facts[1:])),
            replaced,
            latest_values.update(shown, event, effective_at),
            book,
            _new(FeedHealth, (effective_at, fact.charted, (), None, None)),
            merged_into,
            unjudged_at,
            unknown_drugs,
            catching_up,
            thinned_at,
            passed,
            later,
        ),
    )
    if (
        vitals[0].at < effective_at - history.EXACT_LATE_MS - history.CHECKPOINT_STEP_MS
        or len(vitals) > history.MAX_FACTS // 2
    ):
        return insertion.advance_checkpoint(guideline, now)
    return now
