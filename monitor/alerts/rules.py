"""The clinical rules: which alerts should be open for a patient now, each with its text and its evidence."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Literal, NamedTuple

from monitor.alerts import data_alerts, evidence, reviews, tocilizumab, treatment_steps
from monitor.alerts.candidate import AlertCandidate, RecheckAt, RuleContext, RuleResult, missing
from monitor.course import axes
from monitor.guidelines.model import Profile
from monitor.model import Course
from monitor.units import LONG_AGO, clock
from schemas.alerts import Evidence
from schemas.field_types import DISCHARGED


class AlertRule(NamedTuple):
    """The rules of one function, and for which patients they hold."""

    alerts: Callable[[RuleContext], Iterable[RuleResult]]
    holds: Literal["in an episode", "until discharge", "always"] = "until discharge"


def desired_alerts(context: RuleContext) -> Iterator[RuleResult]:
    """Every alert that should be open now, and when to judge again. None of the clinical ones after a discharge."""
    discharged, episode = context.course.context.status in DISCHARGED, context.course.episode
    for rule in ALERT_RULES:
        if rule.holds == "always" or not (discharged or (rule.holds == "in an episode" and not episode.open)):
            yield from rule.alerts(context)


def _assumptions(course: Course) -> str:
    """The assumptions behind the grade, in brackets; empty when there are none."""
    found = []
    if any(i.role == "vasopressin" for i in course.infusions) and not any(
        i.role == "vasopressor" for i in course.infusions
    ):
        found.append("vasopressin alone is taken as grade 3 by ward policy")
    for name, finding, attributed in (
        ("hypotension", course.hypotension, course.attributed.hypotension),
        ("hypoxia", course.hypoxia, course.attributed.hypoxia),
    ):
        if (finding.grade or 1) > 1 and attributed is None:
            found.append(f"{name}: attribution to CRS not confirmed")
        if (finding.grade or 1) > 1 and attributed is False:
            found.append(f"{name} left out: not attributed to CRS")
    return f" ({'; '.join(found)})" if found else ""


def _onset(context: RuleContext) -> Iterator[AlertCandidate]:
    course, episode = context.course, context.course.episode
    risk = course.context.high_risk
    marked = "" if episode.infusion_known else " The time of the infusion is not known."
    what = "A fever" if episode.documented else "A masked fever"
    yield AlertCandidate(
        "onset",
        "",
        "medium" if risk else context.priority("onset"),
        "onset",
        episode.onset_at,
        f"CRS suspected: episode {episode.number} began",
        f"{what} started episode {episode.number} at {clock(episode.onset_at)}.{marked} Antipyretics, hydration and "
        "symptomatic care; watch for ICANS; work-up without delaying treatment."
        + (" High risk: consider tocilizumab early." if risk else ""),
        lambda: evidence.fever(course) or evidence.masked(context.guideline.profile, course),
        unknown=missing(course),
    )


def _escalation(context: RuleContext) -> Iterator[AlertCandidate]:
    if not 2 <= context.grade <= 4:
        return
    course = context.course
    what = {
        2: " Fluid boluses and oxygen as needed.",
        3: " Intensive care, echocardiogram and haemodynamic monitoring.",
        4: " Intensive care, ventilation as needed, echocardiogram and haemodynamic monitoring.",
    }
    basis = {"masked": " Fever is masked.", "masked_unconfirmed": " No fever on record: masked, please review."}
    yield AlertCandidate(
        "escalation",
        str(context.grade),
        context.priority("escalation"),
        "escalation",
        course.held.since,
        f"CRS {context.grade_text}",
        f"CRS has reached {context.grade_text}.{basis.get(course.basis, '')}{_assumptions(course)}{what[context.grade]}"
        " Tocilizumab is indicated from grade 2.",
        lambda: evidence.grade(context.guideline.profile, course),
        unknown=missing(course),
        raise_if_new=context.grade > context.state.alerts.reported_grade
        or (course.held.rose and context.grade == course.held.grade),
    )


def _masked(context: RuleContext) -> Iterator[AlertCandidate]:
    course = context.course
    hot = course.temperature is not None and course.temperature.value >= context.guideline.profile.fever_tenths
    graded = context.grade >= 2 and not hot and course.basis in ("masked", "masked_unconfirmed")
    if not graded and course.masked_signs_at is None:
        return
    ungraded = 0 if course.masked_signs_at is None else axes.worse_grade(course)
    drug = course.episode.masked_by or "an antipyretic, steroid or anti-cytokine"
    since = course.masked_signs_at if not graded and course.masked_signs_at is not None else course.held.since
    yield AlertCandidate(
        "masked_fever",
        "",
        context.priority("masked_fever", ungraded),
        "masked-fever",
        since,
        f"Fever may be masked: {context.grade_text}",
        f"Signs of CRS without a documented fever while {drug} is on board ({context.grade_text}). Grading goes by "
        "hypotension and hypoxia. Please review for CRS and infection.",
        lambda: evidence.masked(context.guideline.profile, course),
        unknown=missing(course),
    )


def _treatment_steps(context: RuleContext) -> Iterator[RuleResult]:
    course = context.course
    for step in treatment_steps.table(context.guideline.profile, course, context.grade, context.at):
        if isinstance(step, RecheckAt):
            yield step
            continue
        yield AlertCandidate(
            step.kind,
            step.rule_id,
            context.priority(step.kind),
            step.rule_id,
            step.effective_at,
            step.title,
            f"{step.message} (CRS {context.grade_text}.)",
            partial(_evidence_of_step, context.guideline.profile, course, step),
            unknown=missing(course),
            action=step.action,
            drug=step.drug,
            dose_mg=step.dose_mg,
            dose_basis=step.dose_basis,
        )


def _evidence_of_step(profile: Profile, course: Course, step: treatment_steps.StepDue) -> tuple[Evidence, ...]:
    signs = evidence.grade(profile, course) or evidence.fever(course)
    rests_on = (*signs, *evidence.doses(step.rests_on), *evidence.context(course, *step.context))
    return tuple(dict.fromkeys(rests_on))


def _neuro(context: RuleContext) -> Iterator[AlertCandidate]:
    course = context.course
    ice, awake = course.ice, course.consciousness
    full = context.guideline.profile.ice_full_score
    low_ice = ice is not None and int(ice.value) < full
    not_alert = awake is not None and awake.value != "alert"
    if not (low_ice or not_alert):
        return
    signs = [s for s, bad in ((ice, low_ice), (awake, not_alert)) if bad and s is not None]
    since = min(s.since for s in signs)
    drug = course.depressant if course.depressant is not None and course.depressant.at >= since else None
    title = "Possible ICANS" + (f": {drug.drug} given, a CNS depressant" if drug else "")
    yield AlertCandidate(
        "neuro",
        "",
        context.priority("neuro"),
        "neuro",
        since,
        title,
        f"The ICE score is below {full} or the patient is not fully alert during a CRS episode: assess for ICANS and "
        "avoid drugs that depress the CNS." + (f" {drug.drug} was given at {clock(drug.at)}." if drug else ""),
        lambda: evidence.neuro(course, drug),
    )


def _reviews(context: RuleContext) -> Iterable[RuleResult]:
    course, episode = context.course, context.course.episode
    is_early = bool(course.treatments) and course.treatments[0].infused_at > episode.onset_at
    if course.unmasked_signs_at is None and not (episode.open and (is_early or episode.reopened_at is not None)):
        return ()  # as at most times
    return reviews.reviews(context)


def recovery(context: RuleContext) -> AlertCandidate | None:
    """The grade is lower than the one reported before, or the episode ended. Not after a discharge."""
    course, book = context.course, context.state.alerts
    number = course.episode.number
    # An episode that by a late entry never began has not ended either.
    ended = not course.episode.open and any(a.kind == "onset" and a.episode <= number for a in book.open)
    if course.context.status in DISCHARGED or not (ended or context.grade < book.reported_grade):
        return None
    since = course.episode.ended_at if ended else course.held.since
    since = context.at if since == LONG_AGO else since
    review = " Hypotension or hypoxia persists without a fever: please review."
    fell = f"The grade fell from {book.reported_grade} to {context.grade}."
    return AlertCandidate(
        "recovery",
        "ended" if ended else str(context.grade),
        context.priority("recovery"),
        "recovery",
        since,
        f"CRS episode {number} ended" if ended else f"CRS grade {context.grade} (was higher)",
        f"Episode {number} ended at {clock(since)}."
        if ended
        else fell + (review if course.unmasked_signs_at is not None else ""),
        lambda: evidence.hypotension(context.guideline.profile, course) + evidence.hypoxia(course),
        unknown=missing(course),
    )


# All rules, in the order in which their alerts are written.
ALERT_RULES: tuple[AlertRule, ...] = (
    AlertRule(_onset, "in an episode"),
    AlertRule(tocilizumab.due_doses, "in an episode"),
    AlertRule(_neuro, "in an episode"),
    AlertRule(_escalation),
    AlertRule(_masked),
    AlertRule(tocilizumab.unsafe_doses),
    AlertRule(_treatment_steps),
    AlertRule(_reviews),
    AlertRule(data_alerts.feed_alerts, "always"),
    AlertRule(data_alerts.missing_data, "always"),
)
