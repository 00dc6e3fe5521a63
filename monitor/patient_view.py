"""The published state of a patient (topic patient-state), made from the internal one, as of the log clock."""

from __future__ import annotations

from monitor.alerts import evidence, tocilizumab
from monitor.alerts.candidate import RuleContext, missing, rule_context
from monitor.alerts.data_alerts import silence_at
from monitor.course.episodes import CLINICAL_SIGNS
from monitor.guidelines.in_force import Guideline
from monitor.model import Course, Finding, OpenAlert, State
from monitor.record import latest_vitals
from monitor.record.identity import plain_id
from monitor.units import HOUR, LONG_AGO, hours, to_datetime
from schemas.alerts import Evidence
from schemas.events import SIGNALS
from schemas.field_types import DISCHARGED
from schemas.state import (
    SCALES,
    AxesState,
    AxisState,
    ContextState,
    DoseState,
    Monitoring,
    OpenAlertState,
    PatientState,
    ReadingState,
    SupportState,
    TocilizumabState,
)
from schemas.trusted import trusted

TRACKED = frozenset({"tocilizumab", "siltuximab", "anakinra", "ruxolitinib", "antipyretic", "steroid"})


def view(
    guideline: Guideline, state: State, as_of_ms: int | None = None, log_offset: int | None = None
) -> PatientState:
    """The patient's state as of a log time, ms (default: its own log clock). Changes nothing."""
    at = max(state.clock, as_of_ms if as_of_ms is not None else state.clock)
    context = rule_context(guideline, state, at)
    course = context.course
    return trusted(
        PatientState,
        patient_id=state.patient_id,
        as_of=to_datetime(max(at, 0)),
        profile=guideline.profile.name,
        **{scale.field: held.grade for scale, held in zip(SCALES, course.grades, strict=True)},
        grade_basis=course.basis,
        grade_since=None if course.held.since == LONG_AGO else to_datetime(course.held.since),
        **_episode(course, at),
        axes=_axes(guideline, course, at),
        doses=_doses(guideline, course, at),
        tocilizumab=_tocilizumab(guideline, course, at),
        supports=_supports(course),
        latest=_latest(state),
        alerts=tuple(_open_alert(one) for one in state.alerts.open),
        unknown=missing(course),
        reminders=_reminders(guideline, course),
        unmapped_drugs=state.unknown_drugs,
        monitoring=_monitoring(context),
        context=_context(state, course),
        log_offset=log_offset,
    )


def _episode(course: Course, at: int) -> dict[str, object]:
    episode = course.episode
    onset_at = episode.onset_at if episode.number and episode.onset_at > LONG_AGO else None
    return {
        "episode": episode.number,
        "onset_at": None if onset_at is None else to_datetime(onset_at),
        "hours_since_onset": None if onset_at is None else round((at - onset_at) / HOUR, 2),
        "peak_grade": episode.peak,
    }


def _doses(guideline: Guideline, course: Course, at: int) -> tuple[DoseState, ...]:
    """The doses of this episode, and those that still count in the window of the dose limit."""
    since = min(course.episode.counts_from, at - guideline.profile.dose_window)
    return tuple(
        trusted(
            DoseState,
            drug=d.drug,
            role=d.role,
            dose_mg=d.dose_mg,
            indication=d.indication,
            effective_at=to_datetime(d.at),
            event_id=plain_id(d.event_id),
            grade=d.grade,
            counts=d.role == "tocilizumab" and tocilizumab.counts_toward_limit(course, d),
        )
        for d in course.doses
        if d.role in TRACKED and d.at >= since
    )


def _latest(state: State) -> dict[str, ReadingState]:
    return {
        name: trusted(
            ReadingState,
            value=latest.value,
            unit=SIGNALS[name].unit,
            effective_at=to_datetime(latest.at),
            source="charted" if latest.charted else "monitor",
        )
        for name, latest in sorted(latest_vitals.named(state.latest))
    }


def _open_alert(alert: OpenAlert) -> OpenAlertState:
    return trusted(
        OpenAlertState,
        alert_id=alert.alert_id,
        version=alert.version,
        status=alert.status,
        kind=alert.kind,
        priority=alert.priority,
        title=alert.title,
        rule_id=alert.rule_id,
        effective_at=to_datetime(alert.effective_at),
        raised_at=to_datetime(alert.raised_at),
        acknowledged_at=None if alert.acknowledged_at is None else to_datetime(alert.acknowledged_at),
        snoozed_until=None if alert.snoozed_until is None else to_datetime(alert.snoozed_until),
    )


def _reminders(guideline: Guideline, course: Course) -> tuple[str, ...]:
    if course.held.grade < CLINICAL_SIGNS:
        return ()
    every = hours(guideline.profile.organ_function_every)
    return (f"organ function: cardiac, renal, hepatic, pulmonary; every {every}",)


def _axes(guideline: Guideline, course: Course, at: int) -> AxesState:
    attributed = course.attributed
    feverish = course.fever is not None and at < course.fever.at + guideline.profile.fever_holds
    fever_grade = None if course.temperature is None and course.fever is None else int(feverish)
    since = course.fever.at if feverish and course.fever else LONG_AGO
    return trusted(
        AxesState,
        fever=_axis(
            Finding(fever_grade, since), attributed.fever, evidence.fever(course) or evidence.temperature(course)
        ),
        hypotension=_axis(course.hypotension, attributed.hypotension, evidence.hypotension(guideline.profile, course)),
        hypoxia=_axis(course.hypoxia, attributed.hypoxia, evidence.hypoxia(course)),
    )


def _axis(finding: Finding, attributed: bool | None, rests_on: tuple[Evidence, ...]) -> AxisState:
    return trusted(
        AxisState,
        grade=finding.grade,
        since=None if finding.since == LONG_AGO else to_datetime(finding.since),
        attribution="not_confirmed" if attributed is None else "confirmed" if attributed else "left_out",
        evidence=rests_on,
    )


def _tocilizumab(guideline: Guideline, course: Course, at: int) -> TocilizumabState:
    so_far = tocilizumab.doses_so_far(guideline.profile, course, at)
    dose_mg, _ = tocilizumab.weight_based_dose(guideline.profile, course.context.weight_kg)
    return trusted(
        TocilizumabState,
        count_24h=so_far.count_24h,
        count_total=so_far.count_total,
        last_at=None if so_far.last_at is None else to_datetime(so_far.last_at),
        next_eligible_at=None if so_far.next_eligible_at is None else to_datetime(so_far.next_eligible_at),
        dose_mg=dose_mg,
        blocked_by=so_far.blocked_by,
    )


def _supports(course: Course) -> tuple[SupportState, ...]:
    running = [
        trusted(
            SupportState,
            kind="infusion",
            name=i.drug,
            rate=i.rate,
            rate_unit=i.rate_unit,
            since=to_datetime(i.since),
            charted_at=to_datetime(i.charted_at),
            event_id=plain_id(i.event_id),
        )
        for i in course.infusions
    ]
    oxygen = course.oxygen
    if oxygen is not None and oxygen.device != "room_air":
        running.append(
            trusted(
                SupportState,
                kind="oxygen",
                name=oxygen.device or "unknown",
                flow_l_per_min=oxygen.flow,
                fio2_fraction=oxygen.fio2,
                since=to_datetime(oxygen.since),
                charted_at=to_datetime(oxygen.charted_at),
                event_id=plain_id(oxygen.event_id),
            )
        )
    return tuple(running)


def _monitoring(context: RuleContext) -> Monitoring:
    if context.course.context.status in DISCHARGED:
        return "discharged"
    silent_at = silence_at(context)
    return "stale" if silent_at is not None and context.at >= silent_at else "live"


def _context(state: State, course: Course) -> ContextState:
    """The fields of the context that have one of the same name in the published state."""
    known = course.context._asdict() | {"merged_into": state.merged_into}
    known["infused_at"] = None if known["infused_at"] is None else to_datetime(known["infused_at"])
    return trusted(ContextState, **{name: known[name] for name in ContextState.model_fields})
