"""Tocilizumab: when a first or a repeat dose is due, what limits it, how much to give, and which doses were unsafe."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import NamedTuple

from monitor.alerts import evidence
from monitor.alerts.candidate import AlertCandidate, RecheckAt, RuleContext, RuleResult, find_open_alert
from monitor.guidelines.model import Profile
from monitor.model import Course, Dose
from monitor.units import LONG_AGO, clock, duration, hours, to_tenths
from schemas.state import BlockedBy


class DosesSoFar(NamedTuple):
    """The doses up to an instant, and when the limits allow the next one. Times in ms."""

    count_24h: int
    count_total: int
    last_at: int | None
    next_eligible_at: int | None
    blocked_by: BlockedBy | None
    counted: tuple[Dose, ...]  # the doses of this episode


def doses_so_far(profile: Profile, course: Course, at: int) -> DosesSoFar:
    """Counts, limits and the next possible time, at an instant (ms)."""
    doses = [d for d in course.doses if d.role == "tocilizumab" and d.at <= at]
    in_window = [d for d in doses if at < d.at + profile.dose_window]
    counted = tuple(d for d in doses if counts_toward_limit(course, d))
    last_at = doses[-1].at if doses else None
    waits = []
    blocked_by: BlockedBy | None = None
    if last_at is not None and at < last_at + profile.dose_interval:
        waits.append(last_at + profile.dose_interval)
        blocked_by = "interval"
    if len(in_window) >= profile.maximum_in_window:
        waits.append(in_window[-profile.maximum_in_window].at + profile.dose_window)
        blocked_by = "limit_24h"
    if len(counted) >= profile.maximum_in_episode:
        return DosesSoFar(len(in_window), len(counted), last_at, None, "limit_total", counted)
    return DosesSoFar(len(in_window), len(counted), last_at, max(waits, default=None), blocked_by, counted)


def counts_toward_limit(course: Course, dose: Dose) -> bool:
    """Whether a dose counts toward the limit of the episode: not prophylaxis, and not of an earlier episode."""
    return dose.indication != "prophylaxis" and dose.at >= course.episode.counts_from


def weight_based_dose(profile: Profile, weight_kg: float | None) -> tuple[float | None, str]:
    """The dose by weight in mg (None: weight unknown), and how it was worked out."""
    for band in profile.by_weight:
        if weight_kg is not None and band.from_kg * 10 <= to_tenths(weight_kg) < band.below_kg * 10:
            dose = min(round(band.mg_per_kg * weight_kg, 1), profile.maximum_mg)
            return dose, f"{band.mg_per_kg} mg/kg at {weight_kg:g} kg, at most {profile.maximum_mg:g} mg"
    bands = "; ".join(f"{b.mg_per_kg} mg/kg from {b.from_kg:g} kg" for b in profile.by_weight)
    return None, f"weight not known: {bands}; at most {profile.maximum_mg:g} mg"


def due_doses(context: RuleContext) -> Iterator[RuleResult]:
    """The first dose, a dose to consider at grade 1, or a repeat."""
    so_far = doses_so_far(context.guideline.profile, context.course, context.at)
    if not so_far.counted:
        if context.grade >= 2:
            yield from _first_dose(context, so_far)
        elif context.grade == 1:
            yield from _consider(context, so_far)
    elif context.grade >= 2 and context.grade >= (so_far.counted[-1].grade or 0):
        yield from _repeat(context, so_far)


def _first_dose(context: RuleContext, so_far: DosesSoFar) -> Iterator[RuleResult]:
    profile, course = context.guideline.profile, context.course
    if so_far.blocked_by is not None:
        yield from _blocked(context, so_far)
        return
    deadline, delay = _deadline(context), duration(profile.dose_delay)
    late = context.at >= deadline
    if not late:
        yield RecheckAt(deadline)
    candidate = AlertCandidate(
        "dose_indicated",
        "",
        "high" if late else context.priority("dose_indicated"),
        "dose-delay" if late else "dose-first",
        max(course.held.since, course.episode.onset_at),
        "Tocilizumab indicated" + (f": not given for {delay}" if late else ""),
        f"CRS {context.grade_text}: give tocilizumab {_amount(context)}."
        + (f" It has been indicated for {delay}; delay worsens the outcome." if late else ""),
        lambda: evidence.grade(profile, course) + evidence.weight(course),
        action="give tocilizumab IV",
    )
    yield _with_dose(candidate, context, so_far)


def _consider(context: RuleContext, so_far: DosesSoFar) -> Iterator[RuleResult]:
    profile, course = context.guideline.profile, context.course
    persists_at = course.held.since + profile.grade_1_for + 1
    high_risk = bool(course.context.high_risk)
    if not high_risk and context.at < persists_at:
        yield RecheckAt(persists_at)
        return
    why = "high risk" if high_risk else f"grade 1 for more than {hours(profile.grade_1_for)}"
    candidate = AlertCandidate(
        "dose_indicated",
        "",
        "low",
        "dose-consider",
        course.held.since if high_risk else persists_at - 1,
        f"Consider tocilizumab: {why}",
        f"CRS grade 1, {why}: consider tocilizumab {_amount(context)}.",
        lambda: evidence.grade(profile, course) + evidence.context(course, "weight_kg", "high_risk"),
        action="consider tocilizumab IV",
    )
    yield _with_dose(candidate, context, so_far)


def _repeat(context: RuleContext, so_far: DosesSoFar) -> Iterator[RuleResult]:
    profile, course = context.guideline.profile, context.course
    assert so_far.last_at is not None
    not_before = so_far.last_at + profile.dose_interval
    if context.at < not_before:
        yield RecheckAt(not_before)
        return
    if so_far.blocked_by is not None:
        yield from _blocked(context, so_far)
        return
    candidate = AlertCandidate(
        "repeat_dose_eligible",
        "",
        context.priority("repeat_dose_eligible"),
        "dose-repeat",
        max(not_before, course.held.since),
        "Tocilizumab may be repeated",
        f"CRS {context.grade_text} without improvement since the last dose ({clock(so_far.last_at)}): repeat "
        f"tocilizumab {_amount(context)}.",
        lambda: evidence.grade(profile, course) + evidence.doses(so_far.counted[-1:]) + evidence.weight(course),
        action="repeat tocilizumab IV",
        not_before=not_before,
    )
    yield _with_dose(candidate, context, so_far)


def _deadline(context: RuleContext) -> int:
    """When the first dose is late, on the log clock: people can act only once they were notified."""
    before = find_open_alert(context.state, "dose_indicated", "")
    indicated_at = context.at if before is None or before.indicated_at is None else before.indicated_at
    return indicated_at + context.guideline.profile.dose_delay


def _amount(context: RuleContext) -> str:
    dose_mg, basis = weight_based_dose(context.guideline.profile, context.course.context.weight_kg)
    return f"{dose_mg:g} mg IV" if dose_mg is not None else f"IV ({basis})"


def _with_dose(candidate: AlertCandidate, context: RuleContext, so_far: DosesSoFar) -> AlertCandidate:
    """The candidate with the recommended dose."""
    profile = context.guideline.profile
    dose_mg, basis = weight_based_dose(profile, context.course.context.weight_kg)
    return candidate._replace(
        unknown=("weight_kg",) if dose_mg is None else (),
        drug="tocilizumab",
        dose_mg=dose_mg,
        dose_basis=basis,
        limits=_limits(profile, so_far),
    )


def _blocked(context: RuleContext, so_far: DosesSoFar) -> Iterator[RuleResult]:
    profile, lifts_at = context.guideline.profile, so_far.next_eligible_at
    doses = (d for d in context.course.doses if d.role == "tocilizumab")
    limiting = tuple(d for d in doses if d in so_far.counted or context.at < d.at + profile.dose_window)
    if lifts_at is not None:
        yield RecheckAt(lifts_at)
    when = f"until {clock(lifts_at)}" if lifts_at is not None else "for good in this episode: consider alternatives"
    why = {
        "limit_24h": f"{so_far.count_24h} doses in {hours(profile.dose_window)}",
        "limit_total": f"{so_far.count_total} doses in the episode",
        "interval": f"less than {hours(profile.dose_interval)} since the last dose",
    }[so_far.blocked_by or ""]
    yield AlertCandidate(
        "dose_limit",
        "",
        context.priority("dose_limit"),
        "dose-interval" if so_far.blocked_by == "interval" else "dose-limit",
        max(context.course.held.since, so_far.last_at or LONG_AGO),
        "Tocilizumab limit: total reached: alternatives" if lifts_at is None else "Tocilizumab limit",
        f"Tocilizumab would be due, but {why}: blocked {when}.",
        partial(evidence.doses, limiting),
        action="consider alternatives" if lifts_at is None else "wait for the limit to lift",
        drug="tocilizumab",
        not_before=lifts_at,
        limits=_limits(profile, so_far),
    )


def _limits(profile: Profile, so_far: DosesSoFar) -> str:
    in_window = f"{so_far.count_24h} of {profile.maximum_in_window} in {hours(profile.dose_window)}"
    return f"{in_window}, {so_far.count_total} of {profile.maximum_in_episode} in the episode"


def unsafe_doses(context: RuleContext) -> Iterator[AlertCandidate]:
    """One candidate for each charted dose that breaks a limit."""
    profile, course = context.guideline.profile, context.course
    texts = {
        "interval": f"less than {hours(profile.dose_interval)} after the dose before",
        "limit_24h": f"more than {profile.maximum_in_window} in {hours(profile.dose_window)}",
        "limit_total": f"more than {profile.maximum_in_episode} in the episode",
        "maximum_dose": f"over {profile.maximum_mg:g} mg",
        "weight_based_dose": f"more than {profile.overdose_percent} % of the weight-based dose",
    }
    for dose in course.doses:
        broken = _broken_limits(profile, course, dose) if dose.role == "tocilizumab" else ()
        if broken:
            why = ", ".join(texts[limit] for limit in broken)
            yield AlertCandidate(
                "dose_safety",
                dose.event_id,
                context.priority("dose_safety"),
                "dose-safety",
                dose.at,
                f"Check the tocilizumab dose: {why}",
                f"The tocilizumab dose of {clock(dose.at)} is {why}. Check the record and the patient.",
                partial(evidence.dose_and_weight, course, dose),
                drug="tocilizumab",
            )


def _broken_limits(profile: Profile, course: Course, dose: Dose) -> tuple[str, ...]:
    """The limits that a charted dose breaks; its weight is that of its time, or the present one if none was known."""
    earlier = [d for d in course.doses if d.role == "tocilizumab" and (d.at, d.event_id) < (dose.at, dose.event_id)]
    broken = []
    if earlier and dose.at - earlier[-1].at < profile.dose_interval:
        broken.append("interval")
    if sum(dose.at < d.at + profile.dose_window for d in earlier) >= profile.maximum_in_window:
        broken.append("limit_24h")
    counted = sum(counts_toward_limit(course, d) for d in earlier)
    if counts_toward_limit(course, dose) and counted >= profile.maximum_in_episode:
        broken.append("limit_total")
    if dose.dose_mg is not None:
        if dose.dose_mg > profile.maximum_mg:
            broken.append("maximum_dose")
        weight_kg = course.context.weight_kg if dose.weight_kg is None else dose.weight_kg
        by_weight, _ = weight_based_dose(profile, weight_kg)
        if by_weight is not None and dose.dose_mg * 100 > by_weight * profile.overdose_percent + 1e-6:
            broken.append("weight_based_dose")
    return tuple(broken)
