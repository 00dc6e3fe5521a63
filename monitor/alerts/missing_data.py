"""Alerts about what a judgement lacks: the weight for a dose, the rate of an infusion, an event it failed on."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from monitor.alerts import evidence, tocilizumab
from monitor.alerts.candidate import AlertCandidate, RecheckAt, RuleContext, RuleResult
from monitor.units import hours
from schemas.field_types import DISCHARGED


def missing_data(context: RuleContext) -> Iterator[RuleResult]:
    """Every rule of this file; only a failed event still matters for a patient who was discharged."""
    if context.course.context.status not in DISCHARGED:
        yield from _missing_weight(context)
        yield from _uncharted_infusions(context)
    yield from _failed_event(context)


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
