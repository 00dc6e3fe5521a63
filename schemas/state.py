"""What goes out to boards: where a patient stands."""

from __future__ import annotations

from typing import Literal

from pydantic import AwareDatetime, Field

from schemas.alerts import AlertKind, AlertStatus, Evidence, Priority
from schemas.events import PatientId, Wire

GradeBasis = Literal["fever", "masked", "masked_unconfirmed", "none"]
Monitoring = Literal["live", "stale", "discharged"]


class AxisState(Wire):
    """One axis of the grade."""

    grade: int | None = Field(description="Grade of this axis alone; null: no data.")
    since: AwareDatetime | None = Field(None, description="Since when (bedside clock).")
    attribution: Literal["confirmed", "not_confirmed", "left_out"] = Field(
        "not_confirmed", description="Whether a clinician attributes the axis to CRS."
    )
    evidence: tuple[Evidence, ...] = ()


class AxesState(Wire):
    fever: AxisState
    hypotension: AxisState
    hypoxia: AxisState


class DoseState(Wire):
    """One dose of a tracked drug."""

    drug: str = Field(description="Ingredient, generic name.")
    role: str = Field(description="What the drug is to the rules.")
    dose_mg: float | None = Field(None, description="Dose, mg; null: not known.")
    indication: str | None = None
    effective_at: AwareDatetime
    event_id: str
    grade: int | None = Field(None, description="Grade when it was given.")
    counts: bool = Field(True, description="Counts toward the episode's limit.")


class TocilizumabState(Wire):
    count_24h: int = Field(description="Doses in the last 24 h, prophylaxis included.")
    count_total: int = Field(description="Doses in the episode, prophylaxis not included.")
    last_at: AwareDatetime | None = None
    next_eligible_at: AwareDatetime | None = Field(None, description="Earliest time by interval and 24-h limit; null: now, or never.")
    dose_mg: float | None = Field(None, description="Weight-based dose, mg; null: weight unknown.")
    blocked_by: Literal["interval", "limit_24h", "limit_total"] | None = None


class SupportState(Wire):
    """A running infusion or the oxygen support."""

    kind: Literal["infusion", "oxygen"]
    name: str = Field(description="Ingredient or oxygen device.")
    rate: float | None = None
    rate_unit: str | None = None
    flow_l_per_min: float | None = None
    fio2_fraction: float | None = None
    since: AwareDatetime
    charted_at: AwareDatetime
    event_id: str


class Reading(Wire):
    """The latest value of a signal."""

    value: float | str
    unit: str | None = None
    effective_at: AwareDatetime
    source: str | None = None


class OpenAlert(Wire):
    alert_id: str
    version: int
    status: AlertStatus
    kind: AlertKind
    priority: Priority
    title: str
    rule_id: str
    effective_at: AwareDatetime
    raised_at: AwareDatetime
    acknowledged_at: AwareDatetime | None = None
    snoozed_until: AwareDatetime | None = None


class ContextState(Wire):
    weight_kg: float | None = None
    age_years: float | None = None
    unit: str | None = None
    bed: str | None = None
    product: str | None = None
    infused_at: AwareDatetime | None = None
    high_risk: bool | None = None
    neutrophils_per_ul: float | None = None
    baseline_systolic_mmhg: float | None = None
    baseline_oxygen_device: str | None = None
    baseline_oxygen_flow_l_per_min: float | None = None
    death_attributed_to_crs: bool | None = None
    infection_workup: str | None = None
    merged_into: str | None = None


class PatientState(Wire):
    """A patient's state as of a log time."""

    patient_id: PatientId
    as_of: AwareDatetime = Field(description="Log time of the last change.")
    profile: str
    episode: int = Field(ge=0)
    grade: int = Field(ge=0, le=5)
    grade_basis: GradeBasis
    astct_grade: int = Field(ge=0, le=5)
    grade_since: AwareDatetime | None = None
    onset_at: AwareDatetime | None = None
    hours_since_onset: float | None = None
    peak_grade: int = 0
    axes: AxesState
    doses: tuple[DoseState, ...] = ()
    tocilizumab: TocilizumabState
    supports: tuple[SupportState, ...] = ()
    latest: dict[str, Reading] = {}
    alerts: tuple[OpenAlert, ...] = ()
    unknown: tuple[str, ...] = ()
    reminders: tuple[str, ...] = Field((), description="Daily reminders that page nobody, e.g. organ function.")
    monitoring: Monitoring
    context: ContextState
    log_offset: int | None = Field(None, description="Last log offset applied; null outside the stream.")
