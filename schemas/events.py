"""The events that the system reads: vitals, medications, patient context, assessments, and ticks of the clock.

Every number has its unit last in its name and, for machines, as UCUM in `x-unit` of the JSON Schema. Plausible ranges
are sanity limits (ward policy): outside them a value is a sensor's or a typist's mistake, never a finding.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter

from schemas.instants import Day, Instant
from schemas.signals import signals_of

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
PatientStatus = Literal["admitted", "updated", "transferred", "discharged", "died", "final", "entered_in_error"]
DISCHARGED: tuple[PatientStatus, ...] = (
    "discharged",
    "died",
)  # no clinical alerts any more
Axis = Literal["fever", "hypotension", "hypoxia"]
Action = Literal["given", "started", "rate_changed", "stopped", "held", "not_given"]
DoseUnit = Literal["mg", "g", "mcg", "mL", "L", "units"]
RateUnit = Literal["mcg/min", "mcg/kg/min", "mg/h", "units/min", "units/h", "mL/h"]
Route = Literal["iv", "oral", "sc", "im", "rectal", "topical", "ophthalmic", "inhaled", "other"]
Indication = Literal["crs", "prophylaxis", "hypotension", "icans", "other"]

AlertId = Annotated[str, StringConstraints(min_length=1, max_length=128)]
EventId = Annotated[str, StringConstraints(min_length=1, max_length=128)]
PatientId = Annotated[str, StringConstraints(min_length=1, max_length=64)]

# Plausible ranges, both ends included.
TemperatureCelsius = Annotated[float, Field(ge=25, le=45, json_schema_extra={"x-unit": "Cel"})]
HeartRatePerMin = Annotated[float, Field(ge=0, le=350, json_schema_extra={"x-unit": "/min"})]
RespiratoryRatePerMin = Annotated[float, Field(ge=0, le=120, json_schema_extra={"x-unit": "/min"})]
SystolicMmhg = Annotated[float, Field(ge=20, le=300, json_schema_extra={"x-unit": "mm[Hg]"})]
DiastolicMmhg = Annotated[float, Field(ge=10, le=250, json_schema_extra={"x-unit": "mm[Hg]"})]
MeanArterialMmhg = Annotated[float, Field(ge=15, le=270, json_schema_extra={"x-unit": "mm[Hg]"})]
Spo2Percent = Annotated[float, Field(ge=20, le=100, json_schema_extra={"x-unit": "%"})]
FlowLPerMin = Annotated[float, Field(ge=0, le=100, json_schema_extra={"x-unit": "L/min"})]
Fio2Fraction = Annotated[float, Field(ge=0.21, le=1.0, json_schema_extra={"x-unit": "1"})]
WeightKg = Annotated[float, Field(ge=0.3, le=400, json_schema_extra={"x-unit": "kg"})]
AgeYears = Annotated[float, Field(ge=0, le=120, json_schema_extra={"x-unit": "a"})]
NeutrophilsPerUl = Annotated[float, Field(ge=0, json_schema_extra={"x-unit": "/uL"})]
IceScore = Annotated[int, Field(ge=0, le=10, json_schema_extra={"x-unit": "{score}"})]


class Wire(BaseModel):
    """A value that crosses a wire: strict types, no NaN, unknown fields ignored."""

    model_config = ConfigDict(strict=True, frozen=True, extra="ignore", allow_inf_nan=False)


class PatientEvent(Wire):
    """What every event of a patient carries."""

    event_id: EventId = Field(description="Unique per source; a repeat is applied once.")
    patient_id: PatientId = Field(description="Opaque patient reference.")
    effective_at: Instant = Field(description="When it was true at the bedside (FHIR 'effective').")
    received_at: Instant | None = Field(None, description="When the hospital first had it; intake fills it.")
    replaces: EventId | None = Field(None, description="The earlier event of this patient and type that this corrects.")


class Correctable(PatientEvent):
    """An event that can be entered in error."""

    status: Literal["final", "entered_in_error"] = Field(
        "final", description="With `replaces` and `entered_in_error`: the earlier event never happened."
    )


class Vitals(Correctable):
    """One observation of a patient: at least one signal (a void may carry none). A field with a title is a signal.

    The order of the signals is part of the row format: new ones go last.
    """

    type: Literal["vitals"] = Field("vitals", description="An observation.")
    source: Source = Field(
        "monitor", description="`monitor`: unconfirmed device reading; `charted`: a person recorded it."
    )
    device_id: str | None = Field(None, max_length=128, description="The device that measured.")
    temperature_celsius: TemperatureCelsius | None = Field(
        None, title="temperature", description="Body temperature, °C, from a monitor or charted."
    )
    temperature_site: TemperatureSite | None = Field(None, description="Where the temperature was taken.")
    heart_rate_per_min: HeartRatePerMin | None = Field(None, title="heart rate", description="Heart rate, beats/min.")
    respiratory_rate_per_min: RespiratoryRatePerMin | None = Field(
        None, title="respiratory rate", description="Respiratory rate, breaths/min."
    )
    systolic_mmhg: SystolicMmhg | None = Field(
        None, title="systolic pressure", description="Systolic arterial pressure, mmHg, cuff or line."
    )
    diastolic_mmhg: DiastolicMmhg | None = Field(
        None, title="diastolic pressure", description="Diastolic arterial pressure, mmHg; shown, read by no rule."
    )
    mean_arterial_mmhg: MeanArterialMmhg | None = Field(
        None,
        title="mean pressure",
        description="Mean arterial pressure, mmHg, as measured; never worked out from the other two.",
    )
    spo2_percent: Spo2Percent | None = Field(None, title="SpO2", description="Oxygen saturation by pulse oximetry, %.")
    oxygen_device: OxygenDevice | None = Field(None, title="oxygen device", description="The oxygen support in use.")
    oxygen_flow_l_per_min: FlowLPerMin | None = Field(
        None, title="oxygen flow", description="Oxygen flow, L/min, of the device in use."
    )
    fio2_fraction: Fio2Fraction | None = Field(
        None, title="FiO2", description="Inspired oxygen, a fraction (0.21 is room air), not a percentage."
    )
    ice_score: IceScore | None = Field(
        None, title="ICE score", description="Immune effector cell encephalopathy score, 10 is normal (ASTCT 2019)."
    )
    consciousness: Consciousness | None = Field(None, title="consciousness", description="AVPU scale.")


SIGNALS = signals_of(Vitals)


class Medication(Correctable):
    """One line of the medication record: a dose, or a change of an infusion."""

    type: Literal["medication"] = Field("medication", description="A line of the medication record.")
    drug: Annotated[str, StringConstraints(min_length=1, max_length=256)] = Field(
        description="A name or code that the formulary maps; an unmapped drug is kept and never guessed."
    )
    action: Action = Field(description="What was done; only `given` doses and running infusions count.")
    dose: Annotated[float, Field(ge=0)] | None = Field(None, description="Amount, in `dose_unit`.")
    dose_unit: DoseUnit | None = Field(None, description="Unit of `dose`; without one the dose is unknown.")
    rate: Annotated[float, Field(ge=0)] | None = Field(None, description="Infusion rate, in `rate_unit`; 0 is a stop.")
    rate_unit: RateUnit | None = Field(None, description="Unit of `rate`; without one the rate is unknown.")
    route: Route | None = Field(None, description="Only systemic routes count for any rule.")
    indication: Indication | None = Field(
        None, description="Why it was given, as charted; `prophylaxis` and `hypotension` change what a dose counts for."
    )


class Patient(PatientEvent):
    """Context of a patient: each event sets the fields that it carries."""

    type: Literal["patient"] = Field("patient", description="Context of a patient.")
    status: PatientStatus | None = Field(
        None, description="Movement; `final` moves nobody, `entered_in_error` with `replaces` voids the earlier event."
    )
    weight_kg: WeightKg | None = Field(None, description="Body weight, kg; doses per kg rest on it.")
    age_years: AgeYears | None = Field(None, description="Age, years, at `effective_at`; fractions for infants.")
    birth_date: Day | None = Field(None, description="Date of birth.")
    unit: str | None = Field(None, max_length=64, description="Ward or unit.")
    bed: str | None = Field(None, max_length=64, description="Bed within the unit.")
    product: str | None = Field(None, max_length=128, description="CAR-T product or bispecific antibody.")
    infused_at: Instant | None = Field(None, description="Start of the treatment; a new value starts a new one.")
    high_risk: bool | None = Field(None, description="High risk of severe CRS.")
    neutrophils_per_ul: NeutrophilsPerUl | None = Field(
        None, description="Absolute neutrophil count, /µl, from the laboratory."
    )
    baseline_systolic_mmhg: SystolicMmhg | None = Field(
        None, description="Usual systolic pressure, mmHg; 80 % of it is a limit for hypotension (ward policy)."
    )
    baseline_oxygen_device: OxygenDevice | None = Field(
        None, description="Oxygen support before this illness, e.g. at home."
    )
    baseline_oxygen_flow_l_per_min: FlowLPerMin | None = Field(None, description="Flow of that support, L/min.")
    death_attributed_to_crs: bool | None = Field(None, description="A clinician attributes the death to CRS.")
    merged_into: PatientId | None = Field(None, description="This patient's story continues under that id.")
    merged_from: tuple[PatientId, ...] | None = Field(
        None, description="Internal, written by watch on a merge: the ids this story went through."
    )
    story: str | None = Field(None, description="Internal, written by watch on a merge: the story itself, packed.")


class Attribution(Correctable):
    """A clinician says whether an axis is due to CRS."""

    type: Literal["assessment"] = Field("assessment", description="A clinician's word.")
    kind: Literal["attribution"] = Field("attribution", description="Is an axis due to CRS?")
    axis: Axis = Field(description="The axis of the grade that is judged.")
    attributed_to_crs: bool = Field(description="False: the axis is left out of the grade, and shown as left out.")


class Acknowledge(Correctable):
    """Someone has seen an alert."""

    type: Literal["assessment"] = Field("assessment", description="A clinician's word.")
    kind: Literal["acknowledge"] = Field("acknowledge", description="An alert was seen.")
    alert_id: AlertId = Field(description="The alert that was seen.")
    by: Annotated[str, StringConstraints(min_length=1, max_length=128)] | None = Field(None, description="Who saw it.")


class Snooze(Correctable):
    """Someone asks for quiet about an alert, for at most 60 min from `effective_at`."""

    type: Literal["assessment"] = Field("assessment", description="A clinician's word.")
    kind: Literal["snooze"] = Field("snooze", description="An alert is to be quiet.")
    alert_id: AlertId = Field(description="The alert to keep quiet.")
    until: Instant = Field(description="Quiet until then; at most 60 min after `effective_at` (ward policy).")
    reason: Annotated[str, StringConstraints(max_length=500)] | None = Field(None, description="Why, in words.")


class InfectionWorkup(Correctable):
    """Where the infection work-up stands."""

    type: Literal["assessment"] = Field("assessment", description="A clinician's word.")
    kind: Literal["infection_workup"] = Field("infection_workup", description="Infection work-up.")
    state: Literal["sent", "negative", "positive"] = Field(description="Cultures and imaging, as far as known.")


class Note(Correctable):
    """Free text of a clinician; no rule reads it."""

    type: Literal["assessment"] = Field("assessment", description="A clinician's word.")
    kind: Literal["note"] = Field("note", description="Free text.")
    text: Annotated[str, StringConstraints(max_length=4000)] | None = Field(None, description="The note.")


class Tick(Wire):
    """The clock, as an event in every partition of the log."""

    type: Literal["tick"] = Field("tick", description="The clock.")
    effective_at: Instant = Field(description="Log time of the tick; whole seconds.")


Assessment = Annotated[Attribution | Acknowledge | Snooze | InfectionWorkup | Note, Field(discriminator="kind")]
Event = Annotated[Vitals | Medication | Patient | Assessment | Tick, Field(discriminator="type")]

PatientEventType = Vitals | Medication | Patient | Attribution | Acknowledge | Snooze | InfectionWorkup | Note
EVENT: TypeAdapter[PatientEventType | Tick] = TypeAdapter(Event)
