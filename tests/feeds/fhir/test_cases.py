"""The tables of contract.md, section 7, for FHIR: resources in, events, dead letters and counts out."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from agents.feeds.fhir.directory import Directory
from agents.feeds.fhir.translate import Translation
from agents.feeds.translation.memory import Memory
from agents.feeds.translation.settings import parse_settings
from agents.feeds.translation.summary import Summary
from tests.feeds.translated import events_of, expected_event, named_ids

CASES = [
    pytest.param(case, id=f"{path.stem}: {case['line'][:90]}")
    for path in sorted((Path(__file__).parent / "cases").glob("*.toml"))
    for case in tomllib.loads(path.read_text(encoding="utf-8"))["case"]
]
OF_A_PATIENT = {"subject": {"reference": "Patient/4711"}}
TIMED = {**OF_A_PATIENT, "effectiveDateTime": "2026-03-01T10:00:00Z"}
DEFAULTS: dict[str, dict[str, Any]] = {
    "Observation": {"status": "final", **TIMED},
    "MedicationAdministration": {"medicationCodeableConcept": {"text": "tocilizumab"}, **TIMED},
    "Encounter": OF_A_PATIENT,
}


def resource_of(written: str) -> bytes:
    """A resource with what a case leaves out; null takes a default out. What is no object stays as it is."""
    given = json.loads(written)
    if not isinstance(given, dict):
        return written.encode()
    kind = given.get("resourceType", "Observation")
    whole = {"resourceType": kind, **DEFAULTS.get(kind, {}), **given}
    return json.dumps({name: value for name, value in whole.items() if value is not None}).encode()


@pytest.mark.parametrize("case", CASES)
def test_a_line_of_the_contract(case: dict[str, Any]) -> None:
    settings = parse_settings(tomllib.loads(case.get("feeds", "")), "feeds.toml")
    translation, summary = Translation(settings, Memory(), Directory()), Summary()
    events, letters = [], []
    for written in case["resources"]:
        outcome = translation.translate(resource_of(written))
        summary.add(outcome)
        events += events_of(outcome)
        letters += [letter.reason for letter in outcome.letters]
    wanted = named_ids(case.get("events", []), events, case.get("ids", ""))
    assert [
        expected_event({"received_at": "*", **want}, got) for want, got in zip(wanted, events, strict=False)
    ] == events
    assert len(events) == len(wanted)
    assert letters == case.get("letters", [])
    counts = summary.as_json()
    assert counts["left_out"] == case.get("left_out", {})
    assert counts["unmapped"] == case.get("unmapped", [])
