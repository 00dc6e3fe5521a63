"""The fast path of a step: a reading within the same limits as the one before, as most of a monitor's readings are.

It gives the state that the full way would give (tests/properties/test_fast_path.py) at a sixth of its cost. It is
taken only when nothing but this reading can change the patient's state. Its guards, in their order: the patient's
limits are set; no timer is due; the reading is not from the future; the feed was not silent and has sent no implausible
values; no clock is ahead; there is no defect, backlog or merge; nothing is replaced; the patient has not left; the
reading was not voided before it came; it is not a monitor's first one after charted vitals. The guards of
`advance_within_bands` follow.

For speed, tuples are taken apart at once, made without calling their constructors, and what is due is checked in place.
"""

from __future__ import annotations

from monitor.course import observations
from monitor.guidelines.in_force import Guideline
from monitor.model import Facts, FeedHealth, State
from monitor.record import history, latest_values
from monitor.record.facts import vitals_fact
from monitor.record.thinning import THIN_AFTER_NEW_OBSERVATIONS
from schemas.events import DISCHARGED, Vitals

_new = tuple.__new__
# When the checkpoint may have to move: checked in full by `advance_checkpoint`.
CHECKPOINT_AFTER_MS = history.EXACT_LATE_MS + history.CHECKPOINT_STEP_MS
MANY_FACTS = history.MAX_FACTS // 2
assert State._fields[9:13] == ("feed_health", "merged_into", "defect_at", "unknown_drugs")
assert State._fields[13:] == ("catching_up", "thinned_until", "recent_courses", "unknown_fields")


def apply_unchanged_reading(
    guideline: Guideline, state: State, event: Vitals, effective_at: int, known_at: int
) -> State | None:
    """The state after such a reading, its times in ms; None when the full way is needed."""
    profile = guideline.profile
    patient_id, log_at, due_at, checkpoint, course, facts, voided, latest, alerts, feed = state[:10]
    merged_into, defect_at, unknown_drugs, catching_up, thinned_until, recent_courses, unknown_fields = state[10:]
    vitals_at, vitals_charted, rejects, clock_ahead_at, _ = feed
    if known_at > log_at:
        log_at = known_at
    if (
        course.sbp_below == 0
        or (due_at is not None and log_at >= due_at)
        or effective_at > log_at + profile.clock_ahead
        # After a silence an alert about it may be open.
        or log_at >= vitals_at + profile.monitor_silence
        or rejects
        or clock_ahead_at is not None
        or defect_at is not None
        or catching_up is not None
        or merged_into is not None
        or event.replaces is not None
        or course.context.status in DISCHARGED
        or (voided and event.event_id in voided)
    ):
        return None
    fact = vitals_fact(event, effective_at)
    if vitals_charted and not fact.charted:
        # A monitor's silence is noticed sooner than that of charted vitals: the timer must move to an earlier time.
        return None
    advanced = observations.advance_within_bands(profile, course, fact)
    if advanced is None:
        return None
    vitals = (*facts[0], fact)
    if len(vitals) >= THIN_AFTER_NEW_OBSERVATIONS and vitals[-THIN_AFTER_NEW_OBSERVATIONS][0] > thinned_until:
        vitals, recent_courses = history.thin_and_remember(guideline, vitals, advanced, recent_courses)
        thinned_until = effective_at
    after = _new(
        State,
        (
            patient_id,
            log_at,
            due_at,
            checkpoint,
            advanced,
            _new(Facts, (vitals, *facts[1:])),
            voided,
            latest_values.update(latest, event, effective_at),
            alerts,
            _new(FeedHealth, (effective_at, fact.charted, (), None, None)),
            merged_into,
            defect_at,
            unknown_drugs,
            catching_up,
            thinned_until,
            recent_courses,
            unknown_fields,
        ),
    )
    if vitals[0][0] < effective_at - CHECKPOINT_AFTER_MS or len(vitals) > MANY_FACTS:
        return history.advance_checkpoint(guideline, after)
    return after
