"""Turns a patient's state into rows: the patient now, the episode, each dose, each reading."""

from __future__ import annotations

from typing import Any

from schemas.state import SCALES, DoseState, PatientState, ReadingState, SupportState

TableRow = dict[str, Any]
HAVE_COLUMNS = ("grade", "astct_grade")


def patient_row(state: PatientState) -> TableRow:
    """The current state of the patient."""
    context, tocilizumab = state.context, state.tocilizumab
    return {
        "unit": context.unit,
        "bed": context.bed,
        "product": context.product,
        "age_years": context.age_years,
        "weight_kg": context.weight_kg,
        "high_risk": context.high_risk,
        "infused_at": context.infused_at,
        "merged_into": context.merged_into,
        "monitoring": state.monitoring,
        "episode": state.episode,
        "grade": state.grade,
        "astct_grade": state.astct_grade,
        "further_grades": further_grades(state),
        "grade_basis": state.grade_basis,
        "grade_since": state.grade_since,
        "onset_at": state.onset_at,
        "peak_grade": state.peak_grade,
        "tocilizumab_count_24h": tocilizumab.count_24h,
        "tocilizumab_count_total": tocilizumab.count_total,
        "tocilizumab_next_eligible_at": tocilizumab.next_eligible_at,
        "tocilizumab_blocked_by": tocilizumab.blocked_by,
        "missing": list(state.unknown),
        "as_of": state.as_of,
    }


def further_grades(state: PatientState) -> dict[str, int | None]:
    """The grades on the scales that have no column of their own, by field."""
    return {one.field: getattr(state, one.field) for one in SCALES if one.field not in HAVE_COLUMNS}


def episode_row(state: PatientState) -> TableRow:
    """The episode as known now: late data may change its onset and its peak."""
    return {
        "episode": state.episode,
        "onset_at": state.onset_at,
        "peak_grade": state.peak_grade,
        "as_of": state.as_of,
    }


def dose_row(state: PatientState, dose: DoseState) -> TableRow:
    """A dose as charted now. A dose in the state was given, so an earlier withdrawal no longer holds."""
    return {
        "event_id": dose.event_id,
        "episode": state.episode,
        "drug": dose.drug,
        "role": dose.role,
        "dose_mg": dose.dose_mg,
        "indication": dose.indication,
        "effective_at": dose.effective_at,
        "grade": dose.grade,
        "counts": dose.counts,
        "withdrawn_at": None,
    }


def vital_row(signal: str, reading: ReadingState) -> TableRow:
    """One reading."""
    value = reading.value
    return {
        "signal": signal,
        "effective_at": reading.effective_at,
        "value": None if isinstance(value, str) else float(value),
        "word": value if isinstance(value, str) else None,
        "unit": reading.unit,
        "source": reading.source,
    }


def support_text(support: SupportState) -> str:
    """A running infusion or the oxygen support as text, for example `norepinephrine 12 mcg/min`."""
    parts = [support.name.replace("_", " ")]
    if support.kind == "infusion":
        parts.append("rate unknown" if support.rate is None else f"{support.rate:g} {support.rate_unit or ''}".strip())
    if support.flow_l_per_min is not None:
        parts.append(f"{support.flow_l_per_min:g} L/min")
    if support.fio2_fraction is not None:
        parts.append(f"FiO2 {support.fio2_fraction:g}")
    return " ".join(parts)
