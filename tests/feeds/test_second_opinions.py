"""Libraries of others read what our cases hold: HL7 by hl7apy, FHIR by fhir.resources, units by ucumvert."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from fhir.resources.R4B import get_fhir_model_class
from hl7apy.parser import parse_message
from ucumvert import PintUcumRegistry

from agents.feeds.hl7.message import parse
from agents.feeds.translation.units import CONVERSIONS
from tests.feeds.fhir.test_cases import resource_of
from tests.feeds.hl7.test_cases import message_of

HERE = Path(__file__).parent
# Cases about what no library takes: broken on purpose, of R5, or without what FHIR demands.
NOT_R4 = ("R5", "not FHIR", "unit: the UCUM code", "cancelled after a value", "time: effective")
FHIR_CASES = [
    pytest.param(case, id=case["line"][:60])
    for path in sorted((HERE / "fhir" / "cases").glob("*.toml"))
    for case in tomllib.loads(path.read_text(encoding="utf-8"))["case"]
    if not any(part in case["line"] for part in NOT_R4)
]
HL7_CASES = [
    pytest.param(case, id=case["line"][:60])
    for name in ("medication", "movement")
    for case in tomllib.loads((HERE / "hl7" / "cases" / f"{name}.toml").read_text(encoding="utf-8"))["case"]
]
# Ours: the unit of the field, by UCUM.
FIELD_UNITS = {
    "temperature_celsius": "Cel",
    "systolic_mmhg": "mm[Hg]",
    "oxygen_flow_l_per_min": "L/min",
    "weight_kg": "kg",
    "platelets_per_nl": "10*9/L",
    "neutrophils_per_ul": "/uL",
    "haemoglobin_g_per_dl": "g/dL",
    "ferritin_ug_per_l": "ug/L",
    "crp_mg_per_l": "mg/L",
    "fibrinogen_mg_per_dl": "mg/dL",
    "ldh_u_per_l": "U/L",
}
BY_MOLAR_MASS = {("haemoglobin_g_per_dl", "mmol/L")}
CONVERTED = [
    (signal, unit)
    for signal, field_unit in FIELD_UNITS.items()
    for unit in CONVERSIONS[signal]
    if (signal, unit) not in BY_MOLAR_MASS
]


@pytest.mark.parametrize("case", FHIR_CASES)
def test_the_resources_of_our_cases_are_valid_r4(case: dict[str, Any]) -> None:
    for written in case["resources"]:
        resource = json.loads(resource_of(written))
        if resource["resourceType"] in ("Observation", "MedicationAdministration"):
            get_fhir_model_class(resource["resourceType"]).model_validate(resource)


@pytest.mark.parametrize("case", HL7_CASES)
def test_hl7apy_finds_the_same_segments_and_fields(case: dict[str, Any]) -> None:
    for number, text in enumerate(case.get("messages") or [case["message"]], 1):
        raw = message_of(text, case.get("type"), number)
        theirs = parse_message(raw.decode(), find_groups=False, validation_level=2, force_validation=False)
        ours = parse(raw)
        assert [segment.name for segment in theirs.children] == [segment[0] for segment in ours.segments]
        assert theirs.msh.msh_10.value == ours.header[10]


@pytest.mark.parametrize(("signal", "unit"), CONVERTED)
def test_ucumvert_converts_to_the_same(signal: str, unit: str) -> None:
    registry = REGISTRY
    theirs = registry.Quantity(40, registry.from_ucum(unit)).to(registry.from_ucum(FIELD_UNITS[signal])).magnitude
    assert CONVERSIONS[signal][unit](40) == pytest.approx(theirs, rel=2e-3, abs=0.05)


REGISTRY = PintUcumRegistry()
