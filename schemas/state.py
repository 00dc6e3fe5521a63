"""The published state of a patient (topic patient-state), read by board, history and others."""

from __future__ import annotations

from typing import Literal

from pydantic import AwareDatetime, Field

from schemas.alerts import Alert, AlertKind, AlertStatus, Evidence, Priority
from schemas.field_types import PatientId, Wire
from schemas.scales import scale, scales_of

GradeBasis = Literal["fever", "masked", "masked_unconfirmed", "none"]
Monitoring = Literal["live", "stale", "discharged"]
BlockedBy = Literal["interval", "limit_24h", "limit_total"]
# The grade of an axis that shows no sign: a fever is there or not, the other axes start at grade 1.
GRADE_WITHOUT_SIGN = {"fever": 0, "hypotension": 1, "hypoxia": 1}


class AxisState(Wire):
    """One axis of the grade."""

    grade: int | None = Field(description="Grade of this axis alone; null: no data.")
    since: AwareDatetime | None = Field(None, description="Since when (bedside clock).")
    attribution: Literal["confirmed", "not_confirmed", "left_out"] = Field(
        "not_confirmed", description="Whether a clinician attributes the axis to CRS."
    )
    evidence: tuple[Evidence, ...] = Field((), description="What the grade of this axis rests on.")


class AxesState(Wire):
    """The three axes of the grade."""

    fever: AxisState = Field(description="Temperature.")
    hypotension: AxisState = Field(description="Blood pressure, fluids and vasopressors.")
    hypoxia: AxisState = Field(description="Oxygen saturation and support.")


class DoseState(Wire):
    """One dose of a tracked drug."""

    drug: str = Field(description="Ingredient, generic name.")
    role: str = Field(description="What the drug is to the rules.")
    dose_mg: float | None = Field(None, description="Dose, mg; null: not known.")
    indication: str | None = Field(None, description="Why it was given, as charted.")
    effective_at: AwareDatetime = Field(description="When it was given (bedside clock).")
    event_id: str = Field(description="The event that charted it.")
    grade: int | None = Field(None, description="Grade when it was given.")
    counts: bool = Field(True, description="Counts toward the episode's limit.")


class TocilizumabState(Wire):
    """Where the patient stands with tocilizumab: counts, and when the next dose may come."""

    count_24h: int = Field(description="Doses in the last 24 h, prophylaxis included.")
    count_total: int = Field(description="Doses in the episode, prophylaxis not included.")
    last_at: AwareDatetime | None = Field(None, description="Start of the last dose (bedside clock).")
    next_eligible_at: AwareDatetime | None = Field(
        None, description="Earliest time by interval and 24-h limit; null: now, or never."
    )
    dose_mg: float | None = Field(None, description="Weight-based dose, mg; null: weight unknown.")
    blocked_by: BlockedBy | None = Field(None, description="What stands against a dose now; null: nothing does.")


class SupportState(Wire):
    """A running infusion or the oxygen support."""

    kind: Literal["infusion", "oxygen"] = Field(description="Infusion or oxygen.")
    name: str = Field(description="Ingredient or oxygen device.")
    rate: float | None = Field(None, description="Infusion rate, in `rate_unit`; null: not known.")
    rate_unit: str | None = Field(None, description="Unit of `rate`.")
    flow_l_per_min: float | None = Field(None, description="Oxygen flow, L/min.")
    fio2_fraction: float | None = Field(None, description="Inspired oxygen, fraction 0.21..1.0.")
    since: AwareDatetime = Field(description="Since when it has run (bedside clock).")
    charted_at: AwareDatetime = Field(description="When it was last charted (bedside clock).")
    event_id: str = Field(description="The event that charted it last.")


class ReadingState(Wire):
    """The latest value of a signal."""

    value: float | str = Field(description="As observed, in `unit`.")
    unit: str | None = Field(None, description="Unit of `value`, if it has one.")
    effective_at: AwareDatetime = Field(description="When it was true at the bedside.")
    source: str | None = Field(None, description="`monitor` or `charted`.")


class OpenAlertState(Wire):
    """An alert that is open, in brief."""

    alert_id: str = Field(description="Names the alert on `crs.alerts`.")
    version: int = Field(description="Its latest version.")
    status: AlertStatus = Field(description="Its latest status.")
    kind: AlertKind = Field(description="What there is to know.")
    priority: Priority = Field(description="How loud.")
    title: str = Field(description="One line.")
    rule_id: str = Field(description="Which rule spoke.")
    effective_at: AwareDatetime = Field(description="Since when it has been true (bedside clock).")
    raised_at: AwareDatetime = Field(description="Log time of the latest version.")
    acknowledged_at: AwareDatetime | None = Field(None, description="Log time of the acknowledgement, if any.")
    snoozed_until: AwareDatetime | None = Field(None, description="Quiet until then (log clock), if asked for.")


class ContextState(Wire):
    """The context in force: the last value of every field that patient events set."""

    weight_kg: float | None = Field(None, description="Body weight, kg.")
    age_years: float | None = Field(None, description="Age, years.")
    unit: str | None = Field(None, description="Ward or unit.")
    bed: str | None = Field(None, description="Bed within the unit.")
    product: str | None = Field(None, description="CAR-T product or bispecific antibody.")
    infused_at: AwareDatetime | None = Field(None, description="Start of the treatment.")
    high_risk: bool | None = Field(None, description="High risk of severe CRS.")
    neutrophils_per_ul: float | None = Field(None, description="Absolute neutrophil count, /µl.")
    baseline_systolic_mmhg: float | None = Field(None, description="Usual systolic pressure, mmHg.")
    baseline_oxygen_device: str | None = Field(None, description="Oxygen support before this illness.")
    baseline_oxygen_flow_l_per_min: float | None = Field(None, description="Flow of that support, L/min.")
    death_attributed_to_crs: bool | None = Field(None, description="A clinician attributes the death to CRS.")
    infection_workup: str | None = Field(None, description="`sent`, `negative` or `positive`.")
    merged_into: str | None = Field(None, description="This patient's story continues under that id.")


class PatientState(Wire):
    """A patient's state as of a log time."""

    patient_id: PatientId = Field(description="Opaque patient reference.")
    as_of: AwareDatetime = Field(description="Log time of the last change.")
    profile: str = Field(description="Profile in force.")
    episode: int = Field(ge=0, description="Episode number, 1..; 0 before the first.")
    grade: int = Field(
        ge=0,
        le=5,
        description="Grade in the profile in force; 0: no CRS.",
        json_schema_extra=scale("crs", "CRS", grades_crs=True),
    )
    grade_basis: GradeBasis = Field(description="What the fever criterion rests on.")
    astct_grade: int = Field(
        ge=0,
        le=5,
        description="Grade by ASTCT 2019.",
        json_schema_extra=scale("astct", "ASTCT 2019", grades_crs=True),
    )
    grade_since: AwareDatetime | None = Field(None, description="Since when the grade has stood (bedside clock).")
    onset_at: AwareDatetime | None = Field(None, description="First fever of the episode (bedside clock).")
    hours_since_onset: float | None = Field(None, description="Hours from onset to `as_of`.")
    peak_grade: int = Field(0, description="Highest grade of the episode.")
    axes: AxesState = Field(description="Fever, hypotension, hypoxia.")
    doses: tuple[DoseState, ...] = Field((), description="Every dose of the tracked drugs in the episode.")
    tocilizumab: TocilizumabState = Field(description="Tocilizumab: counts, limits, next dose.")
    supports: tuple[SupportState, ...] = Field((), description="Running infusions and oxygen.")
    latest: dict[str, ReadingState] = Field(default_factory=dict, description="Signal to its latest reading.")
    alerts: tuple[OpenAlertState, ...] = Field((), description="Open alerts.")
    unknown: tuple[str, ...] = Field((), description="What is missing; the grade is then a floor.")
    reminders: tuple[str, ...] = Field((), description="Daily reminders that page nobody, e.g. organ function.")
    unmapped_drugs: tuple[str, ...] = Field(
        (), description="Drugs charted lately, as written, that the formulary does not know: no rule reads them."
    )
    monitoring: Monitoring = Field(description="`live`, `stale` (no vitals), or `discharged`.")
    context: ContextState = Field(description="Context in force.")
    log_offset: int | None = Field(None, description="Last log offset applied; null outside the stream.")


# Every scale, the one in force first. Their order is the order of grades in a row of the table: new ones go last.
SCALES = scales_of(PatientState)
SCALE_NAMES = tuple(each.name for each in SCALES)
CRS_SCALES = tuple(each for each in SCALES if each.grades_crs)
ALERT_SCALES = tuple(each for each in SCALES if each.field in Alert.model_fields)


def highest_crs_grade(state: PatientState) -> int:
    """The highest grade of CRS by any scale."""
    return max(int(getattr(state, each.field)) for each in CRS_SCALES)
