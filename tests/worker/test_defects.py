"""A bug in the judgement is counted and logged without the patient; every message still fits its topic's schema."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Coroutine
from importlib.resources import files
from typing import Any

import pytest
from jsonschema import Draft202012Validator, FormatChecker

from agents.engine import patients
from agents.stream import metrics
from monitor.step import step
from tests.worker.records import tick, vitals
from tests.worker.watch_setup import Setup

FEVER: dict[str, Any] = {"temperature_celsius": 38.4}
LOW: dict[str, Any] = {"systolic_mmhg": 84, "source": "charted"}
SCHEMA_FOLDER = files("schemas") / "json"


def run(story: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(asyncio.wait_for(story(), 10))


SCHEMAS = {
    "alerts": "alert.json",
    "patient-state": "patient-state.json",
    "dead-letters": "dead-letter.json",
    "heartbeats": "heartbeat.json",
}


def test_every_message_is_what_the_schema_of_its_topic_says(monkeypatch: pytest.MonkeyPatch) -> None:
    fail_for(monkeypatch, "p3")

    async def story() -> None:
        setup = Setup()
        await setup.take(tick(0), vitals(1, **FEVER), vitals(2, "p2", spo2_percent=150, heart_rate_per_min=80))
        await setup.take(vitals(3)._replace(value=b"{"), vitals(4, "p3"), vitals(5, **LOW), tick(6))
        for topic, schema in SCHEMAS.items():
            validate = Draft202012Validator(
                json.loads((SCHEMA_FOLDER / schema).read_text()), format_checker=FormatChecker()
            ).validate
            messages = setup.producer.of(topic)
            assert messages, topic
            for _, value, _, _ in messages:
                validate(json.loads(value))

    run(story)


def fail_for(monkeypatch: pytest.MonkeyPatch, patient_id: str) -> None:
    """Plants a bug: judging this patient raises."""

    def planted(guideline: Any, state: Any, *rest: Any, **more: Any) -> Any:
        if state.patient_id == patient_id:
            raise KeyError(f"the chart of {patient_id}: 38.4")
        return step(guideline, state, *rest, **more)

    monkeypatch.setattr(patients, "step", planted)


def defects() -> dict[str, float]:
    """crs_defects_total by place."""
    samples = [sample for family in metrics.DEFECTS.collect() for sample in family.samples]
    return {sample.labels["place"]: sample.value for sample in samples if sample.name == "crs_defects_total"}


def test_a_defect_is_counted_by_place_and_logged_once_a_batch_without_the_patient(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    fail_for(monkeypatch, "Marple")
    before = defects()

    async def story() -> None:
        setup = Setup()
        with caplog.at_level(logging.INFO):
            await setup.take(vitals(0, **FEVER), vitals(1, "Marple", **FEVER), vitals(2, "Marple", **LOW))
        assert setup.acknowledged == [2], "the others are judged"
        kinds = [json.loads(value)["kind"] for _, value, _, _ in setup.producer.of("alerts")]
        assert {"onset", "unmonitored"} <= set(kinds)

    run(story)
    added = {place: count - before.get(place, 0) for place, count in defects().items() if count > before.get(place, 0)}
    assert list(added.values()) == [2]
    (place,) = added
    assert place.startswith("KeyError in test_defects.py:")
    lines = [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]
    assert lines == [f"defect: judging failed 2 times: {place}, first at log=0/1"]
    assert "Marple" not in caplog.text


def test_a_defect_at_a_tick_is_counted_too(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        setup = Setup()
        await setup.take(vitals(0, **FEVER))
        before = sum(defects().values())
        fail_for(monkeypatch, "p1")
        await setup.take(tick(1, at=3600))
        assert sum(defects().values()) == before + 1

    run(story)
