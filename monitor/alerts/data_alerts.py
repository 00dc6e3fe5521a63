"""Alerts about data: vitals lost, implausible values, a clock ahead, what a judgement lacks, an event that failed."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from monitor.alerts import evidence, record_alerts, tocilizumab
from monitor.alerts.candidate import AlertCandidate, RecheckAt, RuleContext, RuleResult
from monitor.units import LONG_AGO, duration, hours
from schemas.field_types import DISCHARGED


def feed_alerts(context: RuleContext) -> Iterator[RuleResult]:
    """Every rule of this file; they also hold for a patient who was discharged."""
    yield from _silence(context)
    yield from _implausible_values(context)
    yield from _clock_ahead(context)


def silence_at(context: RuleContext) -> int | None:
    """When the patient's vitals count as lost if none arrive (log clock, ms); None: this patient is not monitored."""
    profile, course, feed = context.guideline.profile, context.course, context.state.feed_health
    infused_at = course.context.infused_at
    is_recent = infused_at is not None and infused_at <= context.at < infused_at + profile.watched_after_infusion
    if course.context.status in DISCHARGED or not (course.episode.open or is_recent):
        return None
    if feed.vitals_at == LONG_AGO:
        since = max(infused_at or LONG_AGO, min(course.context.since, context.at))
        return since + profile.charted_silence
    return feed.vitals_at + (profile.charted_silence if feed.vitals_charted else profile.monitor_silence)


def _silence(context: RuleContext) -> Iterator[RuleResult]:
    due = silence_at(context)
    yield from _when_monitoring_changes(context, is_monitored=due is not None)
    if due is None:
        return
    if context.at < due:
        yield RecheckAt(due)
        return
    yield AlertCandidate(
        "signal_lost",
        "",
        context.priority("signal_lost"),
        "signal-lost",
        due,
        "No vitals from a monitored patient",
        "No vitals have come for too long; the grade shown may be out of date. Check the patient and the feed.",
        lambda: evidence.silence(context.state.feed_health),
        unknown=("vitals",),
    )


def _when_monitoring_changes(context: RuleContext, *, is_monitored: bool) -> Iterator[RecheckAt]:
    """Monitoring begins with an infusion that is still to come, and ends some days after one."""
    infused_at = context.course.context.infused_at
    if infused_at is None:
        return
    ends_at = infused_at + context.guideline.profile.watched_after_infusion
    if infused_at <= context.at < ends_at:
        yield RecheckAt(ends_at)
    if infused_at > context.at and not is_monitored:
        yield RecheckAt(infused_at)


def _implausible_values(context: RuleContext) -> Iterator[AlertCandidate]:
    """Several implausible values of one signal within a short time."""
    profile = context.guideline.profile
    for readings in context.state.feed_health.rejects:
        times = readings.times[-profile.implausible_count :]
        if len(times) < profile.implausible_count or times[-1] - times[0] > profile.implausible_within:
            continue
        yield AlertCandidate(
            "data_quality",
            f"implausible:{readings.signal}",
            context.priority("data_quality"),
            "data-implausible",
            times[-1],
            f"Implausible values of {readings.signal}",
            f"Several implausible values of {readings.signal} in a row; they are not judged. Check the sensor.",
            partial(evidence.implausible, readings, profile.implausible_count),
        )


def _clock_ahead(context: RuleContext) -> Iterator[AlertCandidate]:
    """An event with a time in the future was not judged."""
    ahead_at = context.state.feed_health.clock_ahead_at
    if ahead_at is not None:
        yield AlertCandidate(
            "data_quality",
            "clock",
            context.priority("data_quality"),
            "data-clock",
            ahead_at,
            "A feed's clock is ahead",
            f"An event came with a time more than {duration(context.guideline.profile.clock_ahead)} in the future; "
            "it was set aside. Check the feed's clock.",
            tuple,
        )


def missing_data(context: RuleContext) -> Iterator[RuleResult]:
    """Every rule of this file; only a failed event still matters for a patient who was discharged."""
    if context.course.context.status not in DISCHARGED:
        yield from _missing_weight(context)
        yield from _uncharted_infusions(context)
    yield from _failed_event(context)
    if context.course.dose_twice_at > LONG_AGO or context.state.merge_not_undone_at is not None:
        yield from record_alerts.record_alerts(context)


def _missing_weight(context: RuleContext) -> Iterator[AlertCandidate]:
    """A dose is due, and its amount cannot be worked out."""
    profile, course = context.guideline.profile, context.course
    if not course.episode.open or context.grade < 2 or course.context.weight_kg is not None:
        return
    so_far = tocilizumab.doses_so_far(profile, course, context.at)
    has_improved = bool(so_far.counted) and context.grade < (so_far.counted[-1].grade or 0)
    if so_far.blocked_by is None and not has_improved:
        yield AlertCandidate(
            "data_quality",
            "weight_kg",
            context.priority("data_quality"),
            "data-weight",
            course.held.since,
            "Weight missing while a dose is due",
            "A tocilizumab dose is due and the weight is not known. Enter the weight.",
            lambda: evidence.grade(profile, course),
            unknown=("weight_kg",),
        )


def _uncharted_infusions(context: RuleContext) -> Iterator[RuleResult]:
    """A running infusion counts until it is stopped, so its rate must be charted now and then."""
    longest = context.guideline.profile.infusion_uncharted
    for infusion in context.course.infusions:
        due = infusion.charted_at + longest
        if context.at < due:
            yield RecheckAt(due)
            continue
        yield AlertCandidate(
            "data_quality",
            f"infusion:{infusion.drug}",
            context.priority("data_quality"),
            "data-infusion",
            due,
            "A running infusion has not been charted",
            f"No rate of {infusion.drug} has been charted for {hours(longest)}; it still counts as running. "
            "Chart it or stop it.",
            partial(evidence.infusions, (infusion,)),
        )


def _failed_event(context: RuleContext) -> Iterator[AlertCandidate]:
    """Judging an event of this patient raised an exception."""
    if context.state.defect_at is not None:
        yield AlertCandidate(
            "unmonitored",
            "",
            context.priority("unmonitored"),
            "unmonitored",
            context.state.defect_at,
            "An event could not be judged",
            "An event of this patient could not be judged because of a defect of the system. Watch the patient without "
            "it until this is resolved.",
            tuple,
        )
