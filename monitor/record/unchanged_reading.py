"""Keeps a reading that the fast path took (course/fast_path.py): facts, latest values and feed health, nothing else."""

from __future__ import annotations

from monitor.fact_types import Facts, VitalsFact
from monitor.guidelines.in_force import Guideline
from monitor.model import Course, FeedHealth, State
from monitor.record import late_events, latest_vitals, thinning
from schemas.events import Vitals

_new = tuple.__new__
# When the checkpoint may have to move: checked in full by `advance_checkpoint`.
CHECKPOINT_AFTER_MS = late_events.EXACT_LATE_MS + late_events.CHECKPOINT_STEP_MS
THIN_AFTER = thinning.THIN_AFTER
MANY_FACTS = late_events.MAX_FACTS // 2
assert State._fields[:8] == (
    "patient_id",
    "clock",
    "due_at",
    "checkpoint",
    "course",
    "facts",
    "corrections",
    "latest",
)
assert State._fields[8:14] == ("alerts", "feed_health", "merged_into", "defect_at", "unknown_drugs", "catching_up")
assert State._fields[14:] == (
    "thinned_until",
    "recent_courses",
    "taken_back",
    "merges",
    "past_merges",
    "merge_not_undone_at",
    "unknown_fields",
)


def with_unchanged_reading(
    guideline: Guideline, state: State, event: Vitals, fact: VitalsFact, course: Course, log_at: int
) -> State:
    """The state with the reading and the course after it. `log_at`: log time, ms."""
    effective_at = fact[0]
    patient_id, _, due_at, checkpoint, _, facts, corrections, latest, alerts = state[:9]
    thinned_until, recent_courses, *more = state[14:]
    vitals = (*facts[0], fact)
    if len(vitals) >= THIN_AFTER and vitals[-THIN_AFTER][0] > thinned_until:
        vitals, recent_courses = late_events.thin_and_remember(guideline, vitals, course, recent_courses)
        thinned_until = effective_at
    after = _new(
        State,
        (
            patient_id,
            log_at,
            due_at,
            checkpoint,
            course,
            _new(Facts, (vitals, *facts[1:])),
            corrections,
            latest_vitals.update(latest, event, effective_at),
            alerts,
            _new(FeedHealth, (effective_at, fact.charted, (), None, None)),
            *state[10:14],
            thinned_until,
            recent_courses,
            *more,
        ),
    )
    if vitals[0][0] < effective_at - CHECKPOINT_AFTER_MS or len(vitals) > MANY_FACTS:
        return late_events.advance_checkpoint(guideline, after)
    return after
