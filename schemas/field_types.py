"""The types of fields: closed sets of words, identifiers, and plausible ranges of numbers.

Every number has its unit last in the name of its field and, for machines, as UCUM in `x-unit` of the JSON Schema.
Plausible ranges are sanity limits (ward policy): outside them a value is a sensor's or a typist's mistake, never a
finding.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

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
    "tracheostomy_mask",
    "ecmo",
    "unknown",
]
TemperatureSite = Literal["oral", "axillary", "rectal", "tympanic", "core", "skin", "unknown"]
Consciousness = Literal["alert", "voice", "pain", "unresponsive"]
Source = Literal["monitor", "charted"]
MedicationSource = Literal["record", "pump"]
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

Seizure = Literal["none", "brief", "prolonged"]
CerebralOedema = Literal["none", "focal", "diffuse"]

AlertId = Annotated[str, StringConstraints(min_length=1, max_length=128)]
EventId = Annotated[str, StringConstraints(min_length=1, max_length=128)]
PatientId = Annotated[str, StringConstraints(min_length=1, max_length=64)]
PersonId = Annotated[str, StringConstraints(min_length=1, max_length=128)]
AdministrationId = Annotated[str, StringConstraints(min_length=1, max_length=128)]

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
CapdScore = Annotated[int, Field(ge=0, le=32, json_schema_extra={"x-unit": "{score}"})]
# Laboratory values: no value below 0; above, what is plausible depends on the laboratory.
NotNegative = Annotated[float, Field(ge=0)]
PlateletsPerNl = Annotated[float, Field(ge=0, json_schema_extra={"x-unit": "/nL"})]
HaemoglobinGPerDl = Annotated[float, Field(ge=0, json_schema_extra={"x-unit": "g/dL"})]
FerritinUgPerL = Annotated[float, Field(ge=0, json_schema_extra={"x-unit": "ug/L"})]
CrpMgPerL = Annotated[float, Field(ge=0, json_schema_extra={"x-unit": "mg/L"})]
FibrinogenMgPerDl = Annotated[float, Field(ge=0, json_schema_extra={"x-unit": "mg/dL"})]
LdhUPerL = Annotated[float, Field(ge=0, json_schema_extra={"x-unit": "U/L"})]
AltUPerL = Annotated[float, Field(ge=0, json_schema_extra={"x-unit": "U/L"})]
BilirubinMgPerDl = Annotated[float, Field(ge=0, json_schema_extra={"x-unit": "mg/dL"})]
CreatinineMgPerDl = Annotated[float, Field(ge=0, json_schema_extra={"x-unit": "mg/dL"})]
LactateMmolPerL = Annotated[float, Field(ge=0, json_schema_extra={"x-unit": "mmol/L"})]


class Wire(BaseModel):
    """A value that crosses a wire: strict types, no NaN, unknown fields ignored."""

    model_config = ConfigDict(strict=True, frozen=True, extra="ignore", allow_inf_nan=False)
