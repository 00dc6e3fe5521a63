"""Corrections of corrections, ids that meet, and what was taken back: beside the stories of corrections.md."""

from __future__ import annotations

import json
from typing import Any

import pytest

from monitor.fact_types import Correction
from monitor.guidelines.in_force import load
from monitor.model import State, fresh
from monitor.record import row
from monitor.record.correction_graph import out
from monitor.record.corrections import MAX_CORRECTIONS, REMEMBERED_MS
from monitor.record.identity import content_of, key_of
from monitor.step import Step, step
from monitor.units import DAY, MINUTE, to_datetime
from schemas.decode import decode
from schemas.decoded import Decoded
from tests.monitor.bed import START

GUIDELINE = load()
LOW: dict[str, Any] = {"type": "vitals", "event_id": "low", "systolic_mmhg": 84.0, "source": "charted"}


def taken(*pairs: str) -> set[str]:
    """Which entries are out; `b>a`: b takes a back."""
    made = [pair.split(">") for pair in pairs]
    found = out(Correction(by.encode(), target.encode(), 0, 1) for by, target in made)
    return {one.decode() for one in found}


@pytest.mark.parametrize(
    ("corrections", "is_out"),
    [
        (["b>a"], "a"),
        (["b>a", "c>b"], "b"),
        (["b>a", "c>b", "d>c"], "ac"),
        (["b>a", "c>a"], "a"),
        (["b>a", "c>a", "d>b"], "ab"),
        (["b>a", "c>a", "d>b", "e>c"], "bc"),
        (["a>b", "b>a"], "ab"),
        (["a>b", "b>a", "c>a"], "a"),
        ([f"{number + 1}>{number}" for number in range(5)], "420"),
    ],
)
def test_an_entry_is_out_while_a_correction_of_it_holds(corrections: list[str], is_out: str) -> None:
    assert taken(*corrections) == set(is_out)
    assert taken(*reversed(corrections)) == set(is_out), "in whatever order they came"


def test_a_thousand_corrections_of_each_other_are_no_recursion() -> None:
    assert len(taken(*[f"{number + 1}>{number}" for number in range(MAX_CORRECTIONS)])) == MAX_CORRECTIONS // 2


class Record:
    """One patient, and what each event did."""

    def __init__(self) -> None:
        self.state: State = fresh("A")
        self.take(type="patient", event_id="admitted", weight_kg=70.0, infused_at=iso(0))
        self.take(type="vitals", event_id="hot", temperature_celsius=39.0, source="charted")

    def take(self, minute: float = 1, *, received: Any = None, **content: Any) -> Step:
        arrived = {} if received is None else {"received_at": iso(received)}
        event = {"patient_id": "A", "effective_at": iso(minute), **arrived, **content}
        decoded = decode(json.dumps(event).encode())
        assert isinstance(decoded, Decoded), decoded
        done = step(GUIDELINE, self.state, decoded.event, decoded.implausible)
        self.state = row.decode(row.encode(row.Row(row.VERSION, 0, row.EMPTY_DIGEST, done.state))).state
        assert self.state == done.state, "a restart changes nothing"
        return done

    @property
    def grade(self) -> int:
        return self.state.course.held.supported


def iso(minute: float) -> str:
    return to_datetime(round(START + minute * MINUTE)).isoformat()


def reasons(done: Step) -> list[str]:
    return [one.reason for one in done.rejected]


def void(event_id: str, of: str, event_type: str = "vitals", **more: str) -> dict[str, Any]:
    return {"type": event_type, "event_id": event_id, "replaces": of, "status": "entered_in_error", **more}


def test_what_was_taken_back_stays_out_after_many_other_corrections() -> None:
    record = Record()
    record.take(10, **LOW)
    record.take(11, **void("void", "low", source="charted"))
    for number in range(65):
        record.take(12, type="vitals", event_id=f"v{number}", heart_rate_per_min=80.0)
        record.take(12, **void(f"x{number}", f"v{number}"))
    record.take(10, received=20, **LOW)
    assert record.grade == 1


@pytest.mark.parametrize(("days", "grade"), [(6.9, 1), (7.1, 2)])
def test_it_stays_out_for_a_week(days: float, grade: int) -> None:
    record, later = Record(), days * DAY / MINUTE
    record.take(10, **void("void", "low", source="charted"))
    record.take(later - 2, type="vitals", event_id="hot2", temperature_celsius=39.0, source="charted")
    record.take(later - 2, **void("another", "one"))
    record.take(later - 1, **LOW)
    assert record.grade == grade
    assert REMEMBERED_MS == 7 * DAY


def test_a_repeat_has_the_same_content_but_for_its_arrival() -> None:
    record = Record()
    record.take(10, **LOW)
    assert reasons(record.take(10, received=11, **LOW)) == []
    for other in ({"systolic_mmhg": 85.0}, {"heart_rate_per_min": 90.0}, {"temperature_site": "oral"}):
        done = record.take(10, received=12, **LOW | other)
        assert (reasons(done), done.alerts) == (["id_reused"], ())
    assert reasons(record.take(10.1, **LOW)) == ["id_reused"]
    assert reasons(record.take(10, **LOW | {"device_id": "cuff"})) == [], "another source"


def test_of_other_types_too() -> None:
    record = Record()
    dose = {"type": "medication", "event_id": "7", "drug": "tocilizumab", "action": "given", "dose": 560.0}
    word = {"type": "assessment", "event_id": "7", "kind": "attribution", "axis": "fever", "attributed_to_crs": True}
    for one, other in (
        (dose, {"dose": 561.0}),
        (word, {"by": "u1"}),
        ({"type": "patient", "event_id": "7", "bed": "1"}, {"bed": "2"}),
    ):
        assert reasons(record.take(10, **one)) == []
        assert reasons(record.take(10, received=11, **one)) == []
        assert reasons(record.take(10, received=12, **one | other)) == ["id_reused"]
    late = 3 * DAY / MINUTE
    record.take(late, type="vitals", event_id="later", temperature_celsius=39.0, source="charted")
    assert reasons(record.take(10, received=late + 1, **dose | {"dose": 562.0})) == ["id_reused"], "days later"
    assert reasons(record.take(10, received=late + 1, type="patient", event_id="7", bed="3")) == ["id_reused"]


def test_a_fast_reading_under_a_known_id_is_set_aside_too() -> None:
    record = Record()
    for minute in range(10, 15):
        record.take(minute, type="vitals", event_id=f"m{minute}", systolic_mmhg=118.0)
    assert reasons(record.take(15, type="vitals", event_id="m12", systolic_mmhg=118.0)) == ["id_reused"]


def test_a_correction_is_of_its_own_type() -> None:
    record = Record()
    record.take(10, type="vitals", event_id="1001", systolic_mmhg=84.0, source="charted")
    record.take(11, **void("x", "1001", "medication"))
    assert record.grade == 2
    record.take(11, **void("y", "1001", "vitals", source="charted"))
    assert record.grade == 1


@pytest.mark.parametrize("source", [{}, {"source": "charted"}, {"device_id": "elsewhere"}])
def test_the_only_entry_of_an_id_is_meant_whatever_its_source(source: dict[str, str]) -> None:
    record = Record()
    record.take(10, **LOW)
    record.take(11, **void("void", "low", **source))
    assert record.grade == 1


@pytest.mark.parametrize("source", [{}, {"source": "charted"}, {"device_id": "elsewhere"}])
def test_so_it_is_when_the_void_comes_first(source: dict[str, str]) -> None:
    record = Record()
    record.take(9, **void("void", "low", **source))
    record.take(10, **LOW)
    assert record.grade == 1


def test_a_weight_of_the_admission_that_was_corrected_stands_again_days_later() -> None:
    record, late = Record(), 3 * DAY / MINUTE
    record.take(late, type="vitals", event_id="later", temperature_celsius=39.0, source="charted")
    record.take(
        0, received=late, type="patient", event_id="right", weight_kg=35.0, infused_at=iso(0), replaces="admitted"
    )
    assert record.state.course.context.weight_kg == 35.0
    record.take(1, received=late + 1, **void("no", "right", "patient"))
    assert record.state.course.context.weight_kg == 70.0
    assert record.state.course.context.infused_at == START


def test_a_dose_of_days_ago_that_was_voided_stands_again() -> None:
    record, late = Record(), 2 * DAY / MINUTE
    record.take(10, type="medication", event_id="d", drug="tocilizumab", action="given", dose=560.0, dose_unit="mg")
    for hour in range(4, 48, 4):
        record.take(hour * 60, type="vitals", event_id=f"h{hour}", temperature_celsius=39.0, source="charted")
    record.take(10, received=late, **void("no", "d", "medication"))
    assert [dose.drug for dose in record.state.course.doses] == []
    record.take(10, received=late + 1, **void("yes", "no", "medication"))
    assert [(dose.drug, dose.dose_mg) for dose in record.state.course.doses] == [("tocilizumab", 560.0)]


def test_the_key_has_the_source_and_the_content_all_else() -> None:
    def event(**content: Any) -> Any:
        decoded = decode(json.dumps({"patient_id": "A", "effective_at": iso(1), "event_id": "7", **content}).encode())
        assert isinstance(decoded, Decoded)
        return decoded.event

    reading = {"type": "vitals", "spo2_percent": 97.0}
    dose = {"type": "medication", "drug": "aspirin", "action": "given"}
    keys = [
        key_of(event(**one))
        for one in (
            reading,
            reading | {"source": "monitor"},
            reading | {"source": "charted"},
            reading | {"device_id": "d1", "source": "charted"},
            dose,
            dose | {"source": "pump"},
            dose | {"source": "pump", "device_id": "d1"},
        )
    ]
    assert keys == ["7", "7", "7\x1fcharted", "7\x1fd1", "7", "7\x1fpump", "7\x1fd1"]
    same = [
        event(**dose),
        event(**dose, received_at=iso(9)),
        event(**dose | {"effective_at": "2026-03-02T09:01:00+01:00"}),
    ]
    assert len({content_of(one) for one in same}) == 1
