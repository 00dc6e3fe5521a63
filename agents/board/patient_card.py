"""The data that the board shows for one patient: a pure function of the state, the alerts' text and the time.

Times are sent as instants: the page computes ages and countdowns every second. An unknown value is None, and the page
shows it as unknown; it is never left out, and never looks normal.
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from agents.board.dose_card import dose, tocilizumab
from agents.board.pseudonyms import Pseudonyms
from agents.board.sorting import display_order, is_quiet, rank, urgency
from agents.board.ward import BoardPatient, OpenAlertWithText
from agents.platform.json_types import Json
from agents.replay.injected_doses import is_injected
from monitor.units import to_integer, to_tenths
from schemas.alerts import Evidence, Recommendation
from schemas.events import SIGNALS
from schemas.state import GRADE_WITHOUT_SIGN, SCALES, AxisState, PatientState, ReadingState, SupportState
from schemas.wording import BASES, name_of, number, observed

# Always shown, also when there is no value.
ALWAYS_SHOWN = (
    "temperature_celsius",
    "heart_rate_per_min",
    "systolic_mmhg",
    "mean_arterial_mmhg",
    "respiratory_rate_per_min",
    "spo2_percent",
)
# In other parts of the card, or on none.
NOT_LISTED = frozenset(
    {"diastolic_mmhg", "oxygen_device", "oxygen_flow_l_per_min", "fio2_fraction", "ice_score", "consciousness"}
)
LISTED = (*ALWAYS_SHOWN, *(name for name in SIGNALS if name not in NOT_LISTED.union(ALWAYS_SHOWN)))
ATTRIBUTIONS = {
    "confirmed": "attributed to CRS by a clinician",
    "not_confirmed": "attribution to CRS not confirmed",
    "left_out": "left out of the grade: a clinician does not attribute it to CRS",
}


class CardContent(NamedTuple):
    """The data of a card, and the next time at which it changes without new data; None: never."""

    content: Json
    changes_at: datetime | None


def card(patient: BoardPatient, pseudonyms: Pseudonyms, at: datetime) -> CardContent:
    """The card of a patient at the time `at`."""
    state, standing = patient.state, patient.open_alerts()
    alerts = sorted(standing, key=lambda one: display_order(one, at), reverse=True)
    content = {
        **identity(state, pseudonyms),
        "partition": patient.partition,
        "as_of": state.as_of,
        "monitoring": state.monitoring,
        "has_left": patient.has_left,
        **grade(state),
        "axes": [axis(name, getattr(state.axes, name)) for name in GRADE_WITHOUT_SIGN],
        "latest": [{"name": name_of(name), **latest(name, state.latest.get(name))} for name in LISTED],
        "oxygen": oxygen(state),
        "tocilizumab": tocilizumab(state.tocilizumab, state.profile),
        "supports": [support(one) for one in state.supports],
        "doses": [dose(one) for one in reversed(state.doses)],
        "alerts": [alert(one, state.patient_id, pseudonyms, at) for one in alerts],
        "reminders": list(state.reminders),
        "urgency": urgency(patient, standing, at),
    }
    instants = (state.tocilizumab.next_eligible_at, *(one.brief.snoozed_until for one in standing))
    return CardContent(content, min((when for when in instants if when is not None and when > at), default=None))


def identity(state: PatientState, pseudonyms: Pseudonyms) -> Json:
    """Reference, place and treatment; the patient id only if the settings allow it."""
    context, patient_id = state.context, state.patient_id
    return {
        "reference": pseudonyms.reference_of(patient_id),
        "patient_id": patient_id if pseudonyms.show_ids else None,
        "unit": pseudonyms.location(patient_id, context.unit),
        "bed": pseudonyms.location(patient_id, context.bed),
        "goes_on_as": None if context.merged_into is None else pseudonyms.reference_of(context.merged_into),
        "product": context.product,
        "infused_at": context.infused_at,
        "weight_kg": context.weight_kg,
        "age_years": context.age_years,
        "high_risk": context.high_risk,
        "neutrophils_per_ul": context.neutrophils_per_ul,
        "infection_workup": context.infection_workup,
    }


def grade(state: PatientState) -> Json:
    """The grades; with anything unknown the grade is a floor."""
    return {
        "profile": state.profile,
        "grade": state.grade,
        "floor": bool(state.unknown),
        "unknown": [name_of(name) for name in state.unknown],
        "other_grades": other_scales(state),
        "held": is_held(state),
        "basis": state.grade_basis,
        "basis_words": BASES[state.grade_basis],
        "grade_since": state.grade_since,
        "onset_at": state.onset_at,
        "episode": state.episode,
        "peak_grade": state.peak_grade,
    }


def other_scales(state: PatientState) -> list[Json]:
    """The grade on each scale beside the one in force; another scale of CRS is `shown` only where it differs."""
    return [
        {
            "scale": scale.title,
            "short": scale.short,
            "grade": grade,
            "grades_crs": scale.grades_crs,
            "shown": grade is not None and (grade != state.grade if scale.grades_crs else grade > 0),
        }
        for scale in SCALES[1:]
        if (grade := getattr(state, scale.field)) is not None or not scale.grades_crs
    ]


def is_held(state: PatientState) -> bool:
    """Whether the grade is higher than the present signs support: it falls only after they have stayed lower."""
    axes = (state.axes.hypotension, state.axes.hypoxia)
    counted = [one.grade for one in axes if one.grade is not None and one.attribution != "left_out"]
    is_known = len(counted) == len(axes) and not state.context.death_attributed_to_crs
    return is_known and max(counted) < state.grade


def axis(name: str, one: AxisState) -> Json:
    """One axis; without data it is unknown. Attribution is shown only where there is a finding."""
    is_finding = one.grade is not None and one.grade > GRADE_WITHOUT_SIGN[name]
    says = one.attribution if is_finding or one.attribution != "not_confirmed" else None
    return {
        "name": name,
        "grade": one.grade,
        "words": axis_words(name, one.grade, is_finding),
        "is_finding": is_finding,
        "left_out": one.attribution == "left_out",
        "since": one.since,
        "attribution": None if says is None else ATTRIBUTIONS[says],
        "evidence": [observation(each) for each in one.evidence],
    }


def axis_words(name: str, grade: int | None, is_finding: bool) -> str:
    """The finding of an axis as text."""
    if grade is None:
        return "unknown"
    if name == "fever":
        return "fever" if is_finding else "no fever"
    return f"grade {grade}" if is_finding else "no finding"


def observation(one: Evidence) -> Json:
    """One piece of evidence."""
    return {"what": observed(one), "at": one.effective_at, "injected": is_injected(one.event_id)}


def latest(name: str, reading: ReadingState | None) -> Json:
    """The latest value of a signal; None: never measured."""
    if reading is None:
        return {"value": None, "unit": None, "at": None, "source": None}
    return {
        "value": rounded_text(name, reading.value),
        "unit": reading.unit,
        "at": reading.effective_at,
        "source": reading.source,
    }


def rounded_text(name: str, value: float | str) -> str:
    """A value as text, at the resolution that the rules use."""
    if isinstance(value, str):
        return value.replace("_", " ")
    if name == "temperature_celsius":
        return f"{to_tenths(value) / 10:.1f}"
    return str(to_integer(value)) if name in ALWAYS_SHOWN else number(value)


def oxygen(state: PatientState) -> Json | None:
    """The current oxygen support; None: unknown, which is not room air."""
    running = next((one for one in state.supports if one.kind == "oxygen"), None)
    if running is not None:
        return support(running)
    device = state.latest.get("oxygen_device")
    if device is None:
        return None
    return {"what": str(device.value).replace("_", " "), "since": None, "charted_at": device.effective_at}


def support(one: SupportState) -> Json:
    """A running infusion or the oxygen support; a rate or flow that was not charted is unknown."""
    text = name_of(one.name)
    if one.kind == "infusion":
        text += ", rate unknown" if one.rate is None else f" {number(one.rate)} {one.rate_unit or ''}".rstrip()
    else:
        text += ", flow unknown" if one.flow_l_per_min is None else f" {number(one.flow_l_per_min)} L/min"
        text += "" if one.fio2_fraction is None else f", FiO2 {one.fio2_fraction * 100:.0f} %"
    return {"kind": one.kind, "what": text, "since": one.since, "charted_at": one.charted_at}


def alert(one: OpenAlertWithText, patient_id: str, pseudonyms: Pseudonyms, at: datetime) -> Json:
    """An open alert with its evidence; without message and evidence while its text has not been read."""
    brief, versions = one.brief, one.versions
    descriptive = None if versions is None else versions.descriptive
    latest_of = None if versions is None else versions.latest
    return {
        "key": pseudonyms.alert_key(patient_id, brief.alert_id),
        "kind": brief.kind,
        "priority": brief.priority,
        "rank": rank(one),
        "title": brief.title,
        "since": brief.effective_at,
        "told_at": descriptive.raised_at if descriptive else brief.raised_at,
        "acknowledged_at": brief.acknowledged_at,
        "quiet_until": brief.snoozed_until if is_quiet(one, at) else None,
        "reason": latest_of.reason if latest_of and (brief.acknowledged_at or brief.snoozed_until) else None,
        "message": descriptive.message if descriptive else None,
        "evidence": [observation(each) for each in descriptive.evidence] if descriptive else [],
        "unknown": [name_of(name) for name in descriptive.unknown] if descriptive else [],
        "rule": brief.rule_id,
        "rule_of": f"{descriptive.rule.profile} {descriptive.rule.profile_version}" if descriptive else None,
        "source": descriptive.rule.source if descriptive else None,
        "recommendation": recommendation(descriptive.recommendation) if descriptive else None,
    }


def recommendation(one: Recommendation | None) -> Json | None:
    """The recommendation of an alert; None: it has none."""
    return None if one is None else one.model_dump()
