"""What an alert says: its message as it goes out, and why it is over, in words."""

from __future__ import annotations

from typing import NamedTuple

from monitor.alerts import evidence
from monitor.alerts.candidate import DISCHARGED, AlertCandidate, RuleContext, missing
from monitor.course import episodes
from monitor.model import Course, OpenAlert
from monitor.units.instants import LONG_AGO, to_datetime
from schemas.alerts import Alert, AlertStatus, Evidence, Recommendation, Rule
from schemas.trusted import trusted

DOSE_GIVEN = "a dose was given"


class MessageText(NamedTuple):
    """What a message says beyond the alert itself."""

    status: AlertStatus
    message: str
    evidence: tuple[Evidence, ...]
    unknown: tuple[str, ...]
    recommendation: Recommendation | None = None
    reason: str | None = None


def closing_message(scene: RuleContext, alert: OpenAlert, status: AlertStatus, reason: str, previous: int) -> Alert:
    """The message that closes an alert."""
    return alert_of(scene, alert._replace(version=alert.version + 1), previous, _reasoned(scene, alert, status, reason))


def status_message(scene: RuleContext, alert: OpenAlert, reason: str) -> Alert:
    """The message that an alert was acknowledged or snoozed: it stays open."""
    return alert_of(scene, alert, scene.grade, _reasoned(scene, alert, "updated", reason))


def _reasoned(scene: RuleContext, alert: OpenAlert, status: AlertStatus, reason: str) -> MessageText:
    """The words of a message that says why an alert is over or quiet."""
    rests_on = evidence.grade(scene.guideline.profile, scene.course)
    if reason == DOSE_GIVEN:
        rests_on += evidence.doses(tuple(d for d in scene.course.doses if d.role == "tocilizumab")[-1:])
    return MessageText(status, f"{alert.title}: {reason}.", rests_on, missing(scene.course), reason=reason)


def alert_of(scene: RuleContext, alert: OpenAlert, previous: int, words: MessageText) -> Alert:
    """The message as it goes out. `previous`: the grade that people knew."""
    profile = scene.guideline.profile
    return trusted(
        Alert,
        alert_id=alert.alert_id,
        version=alert.version,
        status=words.status,
        kind=alert.kind,
        priority=alert.priority,
        patient_id=scene.state.patient_id,
        episode=alert.episode,
        grade=scene.grade,
        previous_grade=previous,
        astct_grade=scene.astct,
        effective_at=to_datetime(alert.effective_at),
        raised_at=to_datetime(scene.at),
        title=alert.title,
        message=words.message,
        evidence=words.evidence,
        unknown=words.unknown,
        rule=trusted(
            Rule,
            id=alert.rule_id,
            profile=profile.name,
            profile_version=profile.version,
            source=profile.source_of(alert.rule_id),
        ),
        recommendation=words.recommendation,
        reason=words.reason,
        acknowledged_at=None if alert.acknowledged_at is None else to_datetime(alert.acknowledged_at),
        snoozed_until=None if alert.snoozed_until is None else to_datetime(alert.snoozed_until),
    )


def recommended(target: AlertCandidate) -> Recommendation | None:
    """What to give, how much and not before when; None when nothing is to be given."""
    if target.action is None:
        return None
    return trusted(
        Recommendation,
        action=target.action,
        drug=target.drug,
        dose_mg=None if target.dose_mg is None else float(target.dose_mg),
        dose_basis=target.dose_basis,
        not_before=None if target.not_before is None else to_datetime(target.not_before),
        limits=target.limits,
    )


def ended_at(course: Course) -> int:
    """When the episode ended: by itself, or because another treatment began."""
    episode = course.episode
    return episode.ended_at if episode.ended_at > LONG_AGO else episode.counts_from


def resolution_reason(scene: RuleContext, alert: OpenAlert) -> str:
    """Why an alert is over, in words."""
    course, grade = scene.course, scene.grade
    status = course.context.status
    if status in DISCHARGED and alert.kind not in ("unmonitored",):
        return "the patient died" if status == "died" else "the patient was discharged"
    match alert.kind:
        case "escalation":
            return "superseded by a higher grade" if grade > int(alert.key) else "the grade fell below this level"
        case "onset":
            began = alert.episode <= course.episode.number
            return "the episode ended" if began else "by what is known now, the episode never began"
        case "masked_fever":
            hot = course.temperature is not None and course.temperature.value >= scene.guideline.profile.fever_tenths
            return "fever documented" if hot else "no signs at grade 2 any more"
        case "dose_indicated" | "repeat_dose_eligible":
            return _why_dose_over(course, alert, grade)
        case "dose_limit":
            return "the limit lifted, or no dose is due any more"
        case "step":
            return "done, or no longer due"
        case "no_improvement" | "refractory":
            return "improved, or managed at a higher grade"
        case "neuro":
            return "ICE score and consciousness are normal"
        case "signal_lost":
            return "vitals are back, or the patient is not watched any more"
        case "data_quality":
            return "mended"
        case "dose_safety":
            return "by what is known now, nothing is unsafe about the dose"
        case "unmonitored":
            return "the patient is judged again"
        case _:
            return "no longer true"


def _why_dose_over(course: Course, alert: OpenAlert, grade: int) -> str:
    if any(d.role == "tocilizumab" and d.at >= alert.effective_at for d in course.doses):
        return DOSE_GIVEN
    if not course.episode.open:
        return "the episode ended"
    return "the grade fell" if grade < episodes.CLINICAL_SIGNS else "no dose is due now"
