"""The message of an alert as it is published, and the text that says why an alert was closed."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from monitor.alerts import evidence
from monitor.alerts.candidate import AlertCandidate, RuleContext, missing
from monitor.course import episodes
from monitor.model import OpenAlert
from monitor.units import to_datetime
from schemas.alert_kinds import ALERT_KINDS
from schemas.alerts import Alert, AlertStatus, Evidence, Recommendation, Rule
from schemas.field_types import DISCHARGED
from schemas.state import ALERT_SCALES, SCALES
from schemas.trusted import trusted

DOSE_GIVEN = "a dose was given"
# The grades that an alert carries: their fields, and their places among all grades.
GRADES = tuple((scale.field, SCALES.index(scale)) for scale in ALERT_SCALES)


class MessageText(NamedTuple):
    """The parts of a message that are not kept with the open alert."""

    status: AlertStatus
    message: str
    evidence: tuple[Evidence, ...]
    unknown: tuple[str, ...]
    recommendation: Recommendation | None = None
    reason: str | None = None


def closing_message(context: RuleContext, alert: OpenAlert, status: AlertStatus, reason: str, previous: int) -> Alert:
    """The message that closes an alert."""
    text = _text_with_reason(context, alert, status, reason)
    return alert_of(context, alert._replace(version=alert.version + 1), previous, text)


def status_message(context: RuleContext, alert: OpenAlert, reason: str) -> Alert:
    """The message that an alert was acknowledged or snoozed: it stays open."""
    return alert_of(context, alert, context.grade, _text_with_reason(context, alert, "updated", reason))


def _text_with_reason(context: RuleContext, alert: OpenAlert, status: AlertStatus, reason: str) -> MessageText:
    """The text of a message whose only news is that an alert was closed, acknowledged or snoozed."""
    rests_on = evidence.grade(context.guideline.profile, context.course)
    if reason == DOSE_GIVEN:
        rests_on += evidence.doses(tuple(d for d in context.course.doses if d.role == "tocilizumab")[-1:])
    return MessageText(status, f"{alert.title}: {reason}.", rests_on, missing(context.course), reason=reason)


def alert_of(context: RuleContext, alert: OpenAlert, previous: int, text: MessageText) -> Alert:
    """The message as it is published. `previous`: the grade reported before."""
    profile = context.guideline.profile
    return trusted(
        Alert,
        alert_id=alert.alert_id,
        version=alert.version,
        status=text.status,
        kind=alert.kind,
        priority=alert.priority,
        patient_id=context.state.patient_id,
        episode=alert.episode,
        previous_grade=previous,
        **{field: context.grades[index] for field, index in GRADES},
        effective_at=to_datetime(alert.effective_at),
        raised_at=to_datetime(context.at),
        title=alert.title,
        message=text.message,
        evidence=text.evidence,
        unknown=text.unknown,
        rule=trusted(
            Rule,
            id=alert.rule_id,
            profile=profile.name,
            profile_version=profile.version,
            source=profile.source_of(alert.rule_id),
        ),
        recommendation=text.recommendation,
        reason=text.reason,
        acknowledged_at=None if alert.acknowledged_at is None else to_datetime(alert.acknowledged_at),
        snoozed_until=None if alert.snoozed_until is None else to_datetime(alert.snoozed_until),
    )


def recommended(candidate: AlertCandidate) -> Recommendation | None:
    """What to give, how much and not before when; None when nothing is to be given."""
    if candidate.action is None:
        return None
    return trusted(
        Recommendation,
        action=candidate.action,
        drug=candidate.drug,
        dose_mg=None if candidate.dose_mg is None else float(candidate.dose_mg),
        dose_basis=candidate.dose_basis,
        not_before=None if candidate.not_before is None else to_datetime(candidate.not_before),
        limits=candidate.limits,
    )


def resolution_reason(context: RuleContext, alert: OpenAlert) -> str:
    """Why an alert was closed: the text of its kind, or a more precise one where the course knows more."""
    kind, status = ALERT_KINDS[alert.kind], context.course.context.status
    if status in DISCHARGED and not kind.outlives_discharge:
        return "the patient died" if status == "died" else "the patient was discharged"
    precise = PRECISE_REASONS.get(alert.kind)
    return kind.resolution if precise is None else precise(context, alert)


def _escalation_over(context: RuleContext, alert: OpenAlert) -> str:
    return "superseded by a higher grade" if context.grade > int(alert.key) else "the grade fell below this level"


def _onset_over(context: RuleContext, alert: OpenAlert) -> str:
    began = alert.episode <= context.course.episode.number
    return "the episode ended" if began else "by what is known now, the episode never began"


def _masked_fever_over(context: RuleContext, alert: OpenAlert) -> str:
    temperature = context.course.temperature
    hot = temperature is not None and temperature.value >= context.guideline.profile.fever_tenths
    return "fever documented" if hot else "no signs at grade 2 any more"


def _dose_over(context: RuleContext, alert: OpenAlert) -> str:
    course = context.course
    if any(d.role == "tocilizumab" and d.at >= alert.effective_at for d in course.doses):
        return DOSE_GIVEN
    if not course.episode.open:
        return "the episode ended"
    return "the grade fell" if context.grade < episodes.CLINICAL_SIGNS else "no dose is due now"


PRECISE_REASONS: dict[str, Callable[[RuleContext, OpenAlert], str]] = {
    "escalation": _escalation_over,
    "onset": _onset_over,
    "masked_fever": _masked_fever_over,
    "dose_indicated": _dose_over,
    "repeat_dose_eligible": _dose_over,
}
