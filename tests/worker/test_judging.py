"""One way from a message to its dead letters, whether the whole message was refused or a part of it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from agents.engine.outcome import refusals
from agents.engine.partition import Partition
from agents.engine.partitioning import belongs_to, partition_of
from agents.engine.patients import Patients
from monitor.guidelines import in_force
from schemas.dead_letters import DeadLetter
from schemas.decode import decode
from schemas.decoded import Refused
from tests.worker.records import BEGAN, LogRecord, instant

GUIDELINE = in_force.load("house")


def letters(value: bytes, appended_ms: int = BEGAN) -> list[DeadLetter]:
    partition = Partition(GUIDELINE, 0, "crs.patient-events", next_offset=7)
    return [one.letter for one in partition.apply([LogRecord(7, appended_ms, b"p1", value)]).letters]


def reading(**fields: Any) -> bytes:
    event = {"type": "vitals", "event_id": "e1", "patient_id": "p1", "effective_at": instant(0)}
    return json.dumps(event | fields).encode()


def test_a_good_message_has_no_dead_letter() -> None:
    assert letters(reading(spo2_percent=97)) == []


def test_a_refused_message_is_one_dead_letter_with_its_bytes() -> None:
    (letter,) = letters(b"{")
    assert (letter.reason, letter.offset, letter.original()) == ("not_json", 7, b"{")


def test_an_implausible_signal_is_a_dead_letter_and_the_rest_is_judged() -> None:
    (letter,) = letters(reading(spo2_percent=150, heart_rate_per_min=90))
    assert letter.reason == "implausible_value"


def test_a_reading_from_the_future_is_a_dead_letter() -> None:
    assert [letter.reason for letter in letters(reading(spo2_percent=97), BEGAN - 3_600_000)] == ["from_the_future"]


def test_a_bug_of_ours_is_a_dead_letter_and_says_where(monkeypatch: pytest.MonkeyPatch) -> None:
    def planted(*_: Any, **__: Any) -> Any:
        raise ZeroDivisionError("98.6")

    monkeypatch.setattr("agents.engine.patients.step", planted)
    decoded = decode(reading(spo2_percent=97))
    assert not isinstance(decoded, Refused)
    judged = Patients(GUIDELINE).judge("p1", decoded.event)
    assert [one.reason for one in refusals(judged)] == ["defect"]
    assert judged.defect is not None
    assert judged.defect.startswith("ZeroDivisionError in test_judging.py:")
    assert "98.6" not in judged.defect


def test_every_patient_belongs_to_exactly_one_partition() -> None:
    for patient_id in ("p1", "ü", "\x00marker"):
        owners = [partition for partition in range(6) if belongs_to(partition, 6)(patient_id)]
        assert owners == [partition_of(patient_id.encode(), 6)]
