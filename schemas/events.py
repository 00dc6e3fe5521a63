"""What comes in: vitals, medications, patient context, assessments, and the clock itself."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter

OxygenDevice = Literal[
    "room_air",
    "nasal_cannula",
    "blow_by",
    "high_flow_nasal_cannula",
    "face_mask",
    "venturi",
    "non_rebreather",
    "cpap",
    "bipap",
    "invasive_ventilation",
]
TemperatureSite = Literal["oral", "axillary", "rectal", "tympanic", "core", "skin", "unknown"]
Consciousness = Literal["alert", "voice", "pain", "unresponsive"]
Source = Literal["monitor", "charted"]
Axis = Literal["fever", "hypotension", "hypoxia"]
Action = Literal["given", "started", "rate_changed", "stopped", "held", "not_given"]
DoseUnit = Literal["mg", "g", "mcg", "mL", "L", "units"]
RateUnit = Literal["mcg/min", "mcg/kg/min", "mg/h", "units/min", "units/h", "mL/h"]
Route = Literal["iv", "oral", "sc", "im", "rectal", "topical", "ophthalmic", "inhaled", "other"]
Indication = Literal["crs", "prophylaxis", "hypotension", "icans", "other"]

EventId = Annotated[str, StringConstraints(min_length=1, max_length=128)]
PatientId = Annotated[str, StringConstraints(min_length=1, max_length=64)]

# Plausible ranges (clinical.md, section 2): outside them a value is a sensor's mistake, never a finding.
TemperatureCelsius = Annotated[float, Field(ge=25, le=45, description="Body temperature, °C.")]
HeartRatePerMin = Annotated[float, Field(ge=0, le=350, description="Heart rate, beats/min.")]
RespiratoryRatePerMin = Annotated[float, Field(ge=0, le=120, description="Respiratory rate, breaths/min.")]
SystolicMmhg = Annotated[float, Field(ge=20, le=300, description="Systolic arterial pressure, mmHg.")]
DiastolicMmhg = Annotated[float, Field(ge=10, le=250, description="Diastolic arterial pressure, mmHg.")]
MeanArterialMmhg = Annotated[float, Field(ge=15, le=270, description="Mean arterial pressure, mmHg.")]
Spo2Percent = Annotated[float, Field(ge=20, le=100, description="Oxygen saturation by pulse oximetry, %.")]
FlowLPerMin = Annotated[float, Field(ge=0, le=100, description="Oxygen flow, L/min.")]
Fio2Fraction = Annotated[float, Field(ge=0.21, le=1.0, description="Inspired oxygen, fraction 0.21..1.0.")]
WeightKg = Annotated[float, Field(ge=0.3, le=400, description="Body weight, kg.")]
AgeYears = Annotated[float, Field(ge=0, le=120, description="Age, years.")]
IceScore = Annotated[int, Field(ge=0, le=10, description="Immune effector cell encephalopathy score, 0..10.")]


class Wire(BaseModel):
    """A value that crosses a wire: strict types, no NaN, unknown fields ignored."""

    model_config = ConfigDict(strict=True, frozen=True, extra="ignore", allow_inf_nan=False)


class PatientEvent(Wire):
    """What every event of a patient carries."""

    event_id: EventId = Field(description="Unique per source; a repeat is applied once.")
    patient_id: PatientId = Field(description="Opaque patient reference.")
    effective_at: AwareDatetime = Field(description="When it was true at the bedside (FHIR 'effective').")
    received_at: AwareDatetime | None = Field(None, description="When the hospital first had it; intake fills it.")
    replaces: EventId | None = Field(None, description="The earlier event of this patient and type that this corrects.")


class Correctable(PatientEvent):
    """An event that can be entered in error."""

    status: Literal["final", "entered_in_error"] = Field(
        "final", description="With `replaces` and `entered_in_error`: the earlier event never happened."
    )


class Vitals(Correctable):
    """One observation of a patient: at least one signal (a void may carry none)."""

    type: Literal["vitals"] = "vitals"
    source: Source = Field("monitor", description="`monitor`: unconfirmed device reading; `charted`: a person recorded it.")
    device_id: str | None = Field(None, max_length=128, description="The device that measured.")
    temperature_celsius: TemperatureCelsius | None = None
    temperature_site: TemperatureSite | None = Field(None, description="Where the temperature was taken.")
    heart_rate_per_min: HeartRatePerMin | None = None
    respiratory_rate_per_min: RespiratoryRatePerMin | None = None
    systolic_mmhg: SystolicMmhg | None = None
    diastolic_mmhg: DiastolicMmhg | None = None
    mean_arterial_mmhg: MeanArterialMmhg | None = None
    spo2_percent: Spo2Percent | None = None
    oxygen_device: OxygenDevice | None = Field(None, description="The oxygen support in use.")
    oxygen_flow_l_per_min: FlowLPerMin | None = None
    fio2_fraction: Fio2Fraction | None = None
    ice_score: IceScore | None = None
    consciousness: Consciousness | None = Field(None, description="AVPU scale.")


class Medication(Correctable):
    """One line of the medication record: a dose, or a change of an infusion."""

    type: Literal["medication"] = "medication"
    drug: Annotated[str, StringConstraints(min_length=1, max_length=256)] = Field(
        description="A name or code that the formulary maps; an unmapped drug is kept and never guessed."
    )
    action: Action = Field(description="What was done; only `given` doses and running infusions count.")
    dose: Annotated[float, Field(ge=0)] | None = Field(None, description="Amount, in `dose_unit`.")
    dose_unit: DoseUnit | None = None
    rate: Annotated[float, Field(ge=0)] | None = Field(None, description="Infusion rate, in `rate_unit`; 0 is a stop.")
    rate_unit: RateUnit | None = None
    route: Route | None = Field(None, description="Only systemic routes count for any rule.")
    indication: Indication | None = None


class Patient(PatientEvent):
    """Context of a patient: each event sets the fields that it carries."""

    type: Literal["patient"] = "patient"
    status: Literal["admitted", "updated", "transferred", "discharged", "died", "entered_in_error"] | None = Field(
        None, description="Movement; `entered_in_error` with `replaces` voids the earlier event."
    )
    weight_kg: WeightKg | None = None
    age_years: AgeYears | None = None
    birth_date: date | None = Field(None, description="Date of birth.")
    unit: str | None = Field(None, max_length=64, description="Ward or unit.")
    bed: str | None = Field(None, max_length=64, description="Bed within the unit.")
    product: str | None = Field(None, max_length=128, description="CAR-T product or bispecific antibody.")
    infused_at: AwareDatetime | None = Field(None, description="Start of the treatment; a new value starts a new one.")
    high_risk: bool | None = Field(None, description="High risk of severe CRS.")
    neutrophils_per_ul: Annotated[float, Field(ge=0)] | None = Field(None, description="Neutrophils, /µl.")
    baseline_systolic_mmhg: SystolicMmhg | None = None
    baseline_oxygen_device: OxygenDevice | None = None
    baseline_oxygen_flow_l_per_min: FlowLPerMin | None = None
    death_attributed_to_crs: bool | None = Field(None, description="A clinician attributes the death to CRS.")
    merged_into: PatientId | None = Field(None, description="This patient's story continues under that id.")


class Attribution(Correctable):
    """A clinician says whether an axis is due to CRS."""

    type: Literal["assessment"] = "assessment"
    kind: Literal["attribution"] = "attribution"
    axis: Axis
    attributed_to_crs: bool


class Acknowledge(Correctable):
    """Someone has seen an alert."""

    type: Literal["assessment"] = "assessment"
    kind: Literal["acknowledge"] = "acknowledge"
    alert_id: Annotated[str, StringConstraints(min_length=1, max_length=128)]
    by: Annotated[str, StringConstraints(min_length=1, max_length=128)] | None = None


class Snooze(Correctable):
    """Someone asks for quiet about an alert, for at most 60 min from `effective_at`."""

    type: Literal["assessment"] = "assessment"
    kind: Literal["snooze"] = "snooze"
    alert_id: Annotated[str, StringConstraints(min_length=1, max_length=128)]
    until: AwareDatetime
    reason: Annotated[str, StringConstraints(max_length=500)] | None = None


class InfectionWorkup(Correctable):
    """Where the infection work-up stands."""

    type: Literal["assessment"] = "assessment"
    kind: Literal["infection_workup"] = "infection_workup"
    state: Literal["sent", "negative", "positive"]


class Note(Correctable):
    """Free text of a clinician; no rule reads it."""

    type: Literal["assessment"] = "assessment"
    kind: Literal["note"] = "note"
    text: Annotated[str, StringConstraints(max_length=4000)] | None = None


class Tick(Wire):
    """The clock, as an event in every partition of the log."""

    type: Literal["tick"] = "tick"
    effective_at: AwareDatetime


Assessment = Annotated[Attribution | Acknowledge | Snooze | InfectionWorkup | Note, Field(discriminator="kind")]
Event = Annotated[Vitals | Medication | Patient | Assessment | Tick, Field(discriminator="type")]

EVENT: TypeAdapter[Vitals | Medication | Patient | Attribution | Acknowledge | Snooze | InfectionWorkup | Note | Tick] = (
    TypeAdapter(Event)
)
