"""The published alert (topic alerts): one message for each version of an alert."""

from __future__ import annotations

from typing import Literal

from pydantic import AwareDatetime, Field

from schemas.field_types import PatientId, Wire

AlertStatus = Literal["raised", "updated", "resolved", "retracted"]
Priority = Literal["high", "medium", "low", "technical"]
AlertKind = Literal[
    "onset",
    "escalation",
    "masked_fever",
    "dose_indicated",
    "repeat_dose_eligible",
    "dose_limit",
    "dose_safety",
    "step",
    "no_improvement",
    "refractory",
    "neuro",
    "review",
    "recovery",
    "signal_lost",
    "data_quality",
    "unmonitored",
]


class Evidence(Wire):
    """One observation that a finding rests on."""

    signal: str = Field(description="Signal, drug or context field.")
    value: float | str | bool | None = Field(None, description="As observed, in `unit`.")
    unit: str | None = Field(None, description="Unit of `value`, if it has one.")
    effective_at: AwareDatetime | None = Field(None, description="When it was true at the bedside.")
    event_id: str | None = Field(None, description="The event that carried it.")


class Rule(Wire):
    """Which rule spoke, and where it is written."""

    id: str = Field(description="Stable rule id.")
    profile: str = Field(description="Profile in force.")
    profile_version: str = Field(description="Version of that profile.")
    source: str = Field(description="Where the rule is written: guideline, ASTCT, or ward policy.")


class Recommendation(Wire):
    """What the guideline suggests doing."""

    action: str = Field(description="What to do, in the imperative.")
    drug: str | None = Field(None, description="Generic name.")
    dose_mg: float | None = Field(None, description="Dose, mg.")
    dose_basis: str | None = Field(None, description="How the dose was worked out.")
    not_before: AwareDatetime | None = Field(None, description="Earliest time for it (bedside clock).")
    limits: str | None = Field(None, description="Limits that apply.")


class Alert(Wire):
    """One version of one alert. Messages with the same `alert_id` are versions of one alert."""

    alert_id: str = Field(description="Deterministic and opaque: the same log always gives the same ids.")
    version: int = Field(ge=1, description="1, 2, … within the alert.")
    status: AlertStatus = Field(
        description="`raised`, `updated`, `resolved`, or `retracted`: what it rested on was entered in error."
    )
    kind: AlertKind = Field(description="What there is to know.")
    priority: Priority = Field(description="How loud; follows the higher of the two grades.")
    patient_id: PatientId = Field(description="Opaque patient reference.")
    episode: int = Field(ge=0, description="Episode number, 1..; 0 outside an episode.")
    grade: int = Field(ge=0, le=5, description="Grade in the profile in force.")
    previous_grade: int = Field(ge=0, le=5, description="Grade before this change.")
    astct_grade: int = Field(ge=0, le=5, description="Grade by ASTCT 2019.")
    effective_at: AwareDatetime = Field(description="Since when it has been true (bedside clock).")
    raised_at: AwareDatetime = Field(description="Log time at which the system knew.")
    title: str = Field(description="One line.")
    message: str = Field(description="A short paragraph a clinician can act on.")
    evidence: tuple[Evidence, ...] = Field((), description="Everything it rests on.")
    unknown: tuple[str, ...] = Field((), description="What was missing; the grade is then a floor.")
    rule: Rule = Field(description="Which rule spoke.")
    recommendation: Recommendation | None = Field(None, description="What the guideline suggests, if anything.")
    reason: str | None = Field(
        None, description="For `resolved` and `retracted`: why. For an acknowledgement: by whom."
    )
    acknowledged_at: AwareDatetime | None = Field(None, description="Log time of the acknowledgement, if any.")
    snoozed_until: AwareDatetime | None = Field(None, description="Quiet until then (log clock), if asked for.")
