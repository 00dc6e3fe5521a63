"""The events that the system reads: vitals, medications, patient context, assessments, laboratory values, ticks."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints, TypeAdapter

from schemas.assessments import Acknowledge, Assessment, Attribution, InfectionWorkup, Neuro, Note, Snooze
from schemas.field_types import (
    Action,
    AdministrationId,
    AgeYears,
    CapdScore,
    Consciousness,
    DiastolicMmhg,
    DoseUnit,
    Fio2Fraction,
    FlowLPerMin,
    HeartRatePerMin,
    IceScore,
    Indication,
    MeanArterialMmhg,
    MedicationSource,
    NeutrophilsPerUl,
    OxygenDevice,
    PatientId,
    PatientStatus,
    RateUnit,
    RespiratoryRatePerMin,
    Route,
    Source,
    Spo2Percent,
    SystolicMmhg,
    TemperatureCelsius,
    TemperatureSite,
    WeightKg,
    Wire,
)
from schemas.instants import Day, Instant
from schemas.labs import Labs
from schemas.patient_event import Correctable, PatientEvent, Void
from schemas.signals import signals_of
from schemas.system_records import Story


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
    capd_score: CapdScore | None = Field(
        None,
        title="CAPD score",
        description="Cornell assessment of paediatric delirium, under 12 years instead of ICE.",
    )


SIGNALS = signals_of(Vitals)


class Medication(Correctable):
    """One line of the medication record: a dose, or a change of an infusion."""

    type: Literal["medication"] = Field("medication", description="A line of the medication record.")
    drug: Annotated[str, StringConstraints(min_length=1, max_length=256)] = Field(
        description="A name or code that the formulary maps; an unmapped drug is kept and never guessed."
    )
    action: Action = Field(description="What was done; only `given` doses and running infusions count.")
    dose: Annotated[float, Field(le=1_000_000)] | None = Field(
        None, description="Amount, in `dose_unit`; 0 or less was not given."
    )
    dose_unit: DoseUnit | None = Field(None, description="Unit of `dose`; without one the dose is unknown.")
    rate: Annotated[float, Field(ge=0, le=1_000_000)] | None = Field(
        None, description="Infusion rate, in `rate_unit`; 0 is a stop."
    )
    rate_unit: RateUnit | None = Field(None, description="Unit of `rate`; without one the rate is unknown.")
    route: Route | None = Field(None, description="Only systemic routes count for any rule.")
    indication: Indication | None = Field(
        None, description="Why it was given, as charted; `prophylaxis` and `hypotension` change what a dose counts for."
    )
    administration_id: AdministrationId | None = Field(
        None, description="The line of the medication record, pump session or order."
    )
    source: MedicationSource = Field("record", description="`record`: the medication record; `pump`: an infusion pump.")
    device_id: str | None = Field(None, max_length=128, description="The pump.")


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
    baseline_spo2_percent: Spo2Percent | None = Field(
        None, description="Usual oxygen saturation, %; on room air or usual support the limit is 3 below it."
    )
    baseline_oxygen_device: OxygenDevice | None = Field(
        None, description="Oxygen support before this illness, e.g. at home."
    )
    baseline_oxygen_flow_l_per_min: FlowLPerMin | None = Field(None, description="Flow of that support, L/min.")
    death_attributed_to_crs: bool | None = Field(None, description="A clinician attributes the death to CRS.")
    active_cooling: bool | None = Field(None, description="The patient is cooled: a fever may not show.")
    merged_into: PatientId | None = Field(None, description="This patient's story continues under that id.")


class Tick(Wire):
    """The clock, as an event in every partition of the log."""

    type: Literal["tick"] = Field("tick", description="The clock.")
    effective_at: Instant = Field(description="Log time of the tick; whole seconds.")


Event = Annotated[Vitals | Medication | Patient | Assessment | Labs | Tick, Field(discriminator="type")]

PatientEventType = (
    Vitals
    | Medication
    | Patient
    | Attribution
    | Acknowledge
    | Snooze
    | InfectionWorkup
    | Note
    | Neuro
    | Labs
    | Void
    | Story
)
JudgedEvent = PatientEventType | Tick
EVENT: TypeAdapter[JudgedEvent] = TypeAdapter(Event)
