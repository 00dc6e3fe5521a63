"""Alerts about the record: a dose that two sources charted, a merge that could not be undone."""

from __future__ import annotations

from collections.abc import Iterator

from monitor.alerts import evidence
from monitor.alerts.candidate import AlertCandidate, RecheckAt, RuleContext, RuleResult
from monitor.units import DAY


def record_alerts(context: RuleContext) -> Iterator[RuleResult]:
    """Every rule of this file."""
    yield from _dose_twice(context)
    yield from _merge_not_undone(context)


def _dose_twice(context: RuleContext) -> Iterator[RuleResult]:
    """A second source charted a dose that was known: for a day it is shown that they were taken for one."""
    course = context.course
    if context.at >= course.dose_twice_at + DAY:
        return
    yield RecheckAt(course.dose_twice_at + DAY)
    yield AlertCandidate(
        "data_quality",
        "dose-twice",
        context.priority("data_quality"),
        "data-dose-twice",
        course.dose_twice_at,
        "One dose was charted twice",
        "Two sources charted a dose of the same drug at about the same time: it counts once. Check the record.",
        lambda: evidence.doses(tuple(d for d in course.doses if d.event_id == course.dose_twice)),
    )


def _merge_not_undone(context: RuleContext) -> Iterator[RuleResult]:
    """A merge was taken back too late to be undone: for a day somebody should see to both records."""
    since = context.state.merge_not_undone_at
    if since is None or context.at >= since + DAY:
        return
    yield RecheckAt(since + DAY)
    yield AlertCandidate(
        "data_quality",
        "merge",
        context.priority("data_quality"),
        "data-merge",
        since,
        "A merge of records was not undone",
        "The merge of this record with another was taken back more than 7 days later: what belongs to whom cannot be "
        "worked out any more. Check both records.",
        tuple,
    )
