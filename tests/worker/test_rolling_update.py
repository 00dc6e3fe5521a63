"""A partition moves between workers of two builds in the middle of a stay, and comes to what one build alone comes to.

The other build is the next one: it has one more field in every type of a state, and one more displayed signal. Its
worker judges as we do, and what it writes has the new fields.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise
from random import Random
from typing import Any

import pytest

from agents.engine.log_time import NEVER_TICKED, Ticks
from agents.engine.partition import Partition
from agents.simulation.patients.generator import ward
from monitor.guidelines import in_force
from monitor.model import State
from monitor.record import row
from monitor.units import HOUR, MINUTE, to_datetime, to_ms
from tests.golden import planted
from tests.worker.records import LogRecord

GUIDELINE = in_force.load("house")
BEGAN = datetime(2026, 3, 2, 8, tzinfo=UTC)
EVENTS = 3000
Rows = dict[str, row.Row]


def log_of_a_ward(seed: int) -> list[LogRecord]:
    """Two days of three beds as a log: every event as it arrives, and a tick a minute."""
    events = islice(ward(Random(seed), 3, BEGAN, duration=timedelta(days=2)), EVENTS)
    arrivals = [(to_ms(datetime.fromisoformat(event["received_at"])), event) for event in events]
    last_at = max(at for at, _ in arrivals)
    for at in range(to_ms(BEGAN), last_at + HOUR, MINUTE):
        arrivals.append((at, {"type": "tick", "effective_at": to_datetime(at).isoformat()}))
    arrivals.sort(key=lambda one: one[0])
    return [
        LogRecord(offset, at, str(event.get("patient_id")).encode(), json.dumps(event).encode())
        for offset, (at, event) in enumerate(arrivals)
    ]


def judged(
    records: Iterable[LogRecord], rows: Rows | None = None, at: int = 0, ticks: Ticks = NEVER_TICKED
) -> tuple[Partition, list[str]]:
    """A worker that takes the partition over with these rows, and the alerts that it raises."""
    one = Partition(GUIDELINE, 0, "crs.patient-events", rows=rows, next_offset=at, ticks=ticks)
    outcome = one.apply(records)
    assert not outcome.defects
    return one, [sent.alert.model_dump_json() for sent in outcome.alerts]


def written_by_the_next_build(one: Partition) -> dict[str, bytes]:
    """The rows of the partition with a new field in every type, and one more displayed signal."""
    kinds = planted.types_of_a_state()

    def change(kind: Any, fields: list[Any]) -> list[Any]:
        if kind.__name__ == "LatestFromEvent":
            fields = [*fields[:2], [*fields[2], 2.5], *fields[3:]]
        for target in kinds:
            fields = planted.with_new_field(target)(kind, fields)
        return fields

    def changed(payload: bytes) -> bytes:
        fields = planted.changed(State, planted.fields_of(payload), change)
        return planted.with_fields(payload, fields, row.VERSION + 1)

    return {patient_id: changed(payload) for patient_id, payload in written_by_us(one).items()}


def written_by_us(one: Partition) -> dict[str, bytes]:
    return {patient_id: row.encode(one.row(patient_id)) for patient_id in one}


WRITERS: list[Callable[[Partition], dict[str, bytes]]] = [written_by_us, written_by_the_next_build]


@pytest.mark.parametrize("seed", [3, 8])
def test_a_partition_that_moves_between_builds_comes_to_what_one_build_comes_to(seed: int) -> None:
    records = log_of_a_ward(seed)
    straight, expected = judged(records)
    assert len(straight.patients.states) >= 3
    assert len(expected) > 10, "a stay with something to judge"
    bounds = [len(records) * part // 7 for part in range(8)]
    rows: Rows | None = None
    ticks = NEVER_TICKED
    alerts: list[str] = []
    for part, (first, after) in enumerate(pairwise(bounds)):
        moved, raised = judged(records[first:after], rows, first, ticks)
        ticks = moved.ticks
        alerts += raised
        rows = {patient_id: row.decode(payload) for patient_id, payload in WRITERS[part % 2](moved).items()}
    assert alerts == expected, "the same alerts, with the same ids"
    assert rows is not None
    for patient_id in straight:
        one, same = rows[patient_id], straight.row(patient_id)
        assert one._replace(state=one.state._replace(unknown_fields=())) == same, "the same state and digest"
        assert set(map(str, one.state.unknown_fields)) <= {str(planted.NEW_VALUE)}, "kept for the next build"
