"""Alerts and states are made without validation (`trusted`): they are as if they had been validated."""

from __future__ import annotations

from hypothesis import given, settings

from schemas.alerts import Alert
from schemas.state import PatientState
from tests.properties.clinical import published
from tests.properties.records import Entry, end_of, play, records


@settings(max_examples=60)
@given(records())
def test_models_are_as_if_they_had_been_validated(entries: list[Entry]) -> None:
    log = play(entries, end_of(entries))
    state = log.view("A")
    assert PatientState.model_validate_json(state.model_dump_json()) == state
    assert PatientState.model_validate_json(state.model_dump_json()).model_dump_json() == state.model_dump_json()
    assert published(log)
    for alert in log.alerts["A"]:
        assert Alert.model_validate_json(alert.model_dump_json()) == alert
        assert Alert.model_validate_json(alert.model_dump_json()).model_dump_json() == alert.model_dump_json()
