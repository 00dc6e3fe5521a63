"""Rows across versions: this build reads the version before, and lets a newer one's knowledge pass through."""

from __future__ import annotations

import json

import msgspec
import pytest

from monitor import row
from monitor.state import State, fresh
from monitor.step import step
from schemas.events import Vitals
from tests.bedside import GUIDELINES
from tests.golden.record import states


def written_by_a_newer_build(state: State, *new: object) -> bytes:
    """A row as the next version would write it: its own fields before `later`."""
    *known, later = list(state)
    fields = [*known, *new, later]
    return msgspec.msgpack.encode([row.VERSION + 1, 7, b"12345678", fields])


def test_a_row_of_the_version_before_is_read() -> None:
    """It lacks our newest field, which has its default, unless that build carried it along for us."""
    state = next(iter(states().values()))
    *known, newest, later = list(state._replace(shared_doses=0))
    assert (newest, later) == (0, ())
    for carried, expected in (([], 0), ([2], 2)):
        payload = msgspec.msgpack.encode([row.VERSION - 1, 7, b"12345678", [*known, carried]])
        read = row.decode(payload)
        assert read.v == row.VERSION
        assert read.state.facts == state.facts
        assert read.state.base.doses == state.course.doses[:expected]
        assert row.decode(row.encode(read)) == read


def test_what_a_newer_build_knows_passes_through_this_one() -> None:
    read = row.decode(written_by_a_newer_build(fresh("A"), ["new"], 5))
    assert read.state.later == (["new"], 5)
    said = {"event_id": "1", "patient_id": "A", "effective_at": "2026-03-02T08:00:00Z", "spo2_percent": 97.0}
    after = step(GUIDELINES["house"], read.state, Vitals.model_validate_json(json.dumps(said))).state
    assert after.later == (["new"], 5)
    handed_back = msgspec.msgpack.decode(row.encode(row.Row(row.VERSION, 8, read.digest, after)))
    assert handed_back[0] == row.VERSION
    assert handed_back[3][-1] == [["new"], 5]


def test_a_version_further_away_is_refused_with_what_to_do() -> None:
    for v in (row.VERSION - 2, row.VERSION + 2):
        with pytest.raises(row.RowError, match="crs-monitor rebuild"):
            row.decode(row.encode(row.Row(v, 0, row.EMPTY_DIGEST, fresh("A"))))


def test_damage_is_refused_in_any_version() -> None:
    newer = written_by_a_newer_build(fresh("A"), 5)
    for payload in (newer[:-1], newer.replace(b"\xa1A", b"\xc3A", 1), b"\x94\x01\x02\x03\x90", b"\x94\x02\x02\x03\x90"):
        with pytest.raises(row.RowError):
            row.decode(payload)
