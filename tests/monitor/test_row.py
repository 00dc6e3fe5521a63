"""Rows across versions: fields of `State` that a newer build added pass through, and damage is refused in any.

Fields further in, and rows that were kept: tests/golden.
"""

from __future__ import annotations

import json

import msgspec
import pytest
from lz4.block import compress, decompress

from monitor.fact_types import Facts
from monitor.model import Course, State, fresh
from monitor.record import row
from monitor.step import step
from monitor.units import LONG_AGO
from schemas.events import Vitals
from tests.bedside import GUIDELINES
from tests.golden.record import states


def written(v: int, fields: list[object]) -> bytes:
    """A row of any version."""
    return msgspec.msgpack.encode([v, 7, b"12345678", compress(msgspec.msgpack.encode(fields))])


def written_by_a_newer_build(state: State, *new: object) -> bytes:
    """A row as the next version would write it: its own fields before `later`."""
    *known, later = list(state)
    return written(row.VERSION + 1, [*known, *new, later])


def test_a_row_of_the_version_before_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """It lacks our newest fields, which have their defaults, unless that build carried them along for us."""
    monkeypatch.setattr(row, "CONVERSIONS", {})
    state = next(iter(states().values()))
    place = State._fields.index("thinned_until")
    known, newer = state[:place], state[place:]
    assert newer == (LONG_AGO, (), Facts(), (), (), None, ())
    new = 5, (Course(at=5),)
    for carried, expected in (([], (LONG_AGO, ())), ([5], (5, ())), (list(new), new)):
        read = row.decode(written(row.VERSION - 1, [*known, carried]))
        assert read.v == row.VERSION
        assert read.state.facts == state.facts
        assert (read.state.thinned_until, read.state.recent_courses) == expected
        assert row.decode(row.encode(read)) == read


def test_what_a_newer_build_knows_passes_through_this_one() -> None:
    read = row.decode(written_by_a_newer_build(fresh("A"), ["new"], 5))
    assert read.state.unknown_fields == (["new"], 5)
    content = {"event_id": "1", "patient_id": "A", "effective_at": "2026-03-02T08:00:00Z", "spo2_percent": 97.0}
    after = step(GUIDELINES["house"], read.state, Vitals.model_validate_json(json.dumps(content))).state
    assert after.unknown_fields == (["new"], 5)
    handed_back = msgspec.msgpack.decode(row.encode(row.Row(row.VERSION, 8, read.digest, after)))
    assert handed_back[0] == row.VERSION
    assert msgspec.msgpack.decode(decompress(handed_back[3]))[-1] == [["new"], 5]


def test_a_row_of_any_version_is_read_if_its_fields_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(row, "CONVERSIONS", {})
    for v in (1, row.VERSION - 1, row.VERSION + 1, row.VERSION + 40):
        read = row.decode(row.encode(row.Row(v, 7, row.EMPTY_DIGEST, fresh("A"))))
        assert read == row.Row(row.VERSION, 7, row.EMPTY_DIGEST, fresh("A"))


def test_a_row_that_does_not_fit_says_what_to_do() -> None:
    for v in (row.VERSION - 1, row.VERSION, row.VERSION + 1):
        with pytest.raises(row.RowError, match="crs-monitor rebuild"):
            row.decode(written(v, ["A", "not a clock", *list(fresh("A"))[2:]]))


def test_an_earlier_layout_is_converted_step_by_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """A layout of before in which the patient stood at the end, and one before that without the clock."""
    *known, later = list(fresh("A")._replace(clock=5))
    conversions = {
        row.VERSION - 2: lambda fields: [5, *fields],
        row.VERSION - 1: lambda fields: [fields[-2], *fields[:-2], fields[-1]],
    }
    monkeypatch.setattr(row, "CONVERSIONS", conversions)
    patient_id, clock, *rest = known
    layouts: tuple[tuple[int, list[object]], ...] = (
        (row.VERSION - 2, [*rest, patient_id, later]),
        (row.VERSION - 1, [clock, *rest, patient_id, later]),
        (row.VERSION, [*known, later]),
    )
    for v, fields in layouts:
        assert row.decode(written(v, fields)).state == fresh("A")._replace(clock=5)


def test_damage_is_refused_in_any_version(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(row, "CONVERSIONS", {})
    for v in (row.VERSION - 1, row.VERSION, row.VERSION + 1):
        *known, later = list(fresh("A"))
        whole = written(v, [*known, later])
        row.decode(whole)
        for damaged in (
            whole[:-1],
            whole.replace(b"\xa1A", b"\xc3A", 1),
            written(v, []),
            written(v, [7, *known[1:], later]),
            msgspec.msgpack.encode([v, 7, b"12345678", b""]),
            msgspec.msgpack.encode([v, 7, b"12345678", b"\x08\x00\x00\x00not LZ4"]),
            msgspec.msgpack.encode([v, 7, b"12345678", b"\xff\xff\xff\x7f" + bytes(8)]),
            msgspec.msgpack.encode([v, 2, 3, b""]),
        ):
            with pytest.raises(row.RowError):
                row.decode(damaged)
