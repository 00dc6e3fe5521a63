"""Rows and marker as one batch; what a worker wrote after it had lost the partition is passed over."""

from __future__ import annotations

import pytest

from agents.engine.changelog import MARKER, Marker, PartitionRows, Record, parsed, records_of
from monitor.model import fresh
from monitor.record import row

ROW = row.Row(row.VERSION, 7, row.EMPTY_DIGEST, fresh("p1"))


def read(*batches: list[Record]) -> PartitionRows:
    held = PartitionRows()
    for offset, record in enumerate(record for batch in batches for record in batch):
        held.take(offset, record.key, record.value, record.headers)
    return held


def batch(log_offset: int, epoch: int, *patients: str) -> list[Record]:
    rows = {patient: row.Row(row.VERSION, log_offset, row.EMPTY_DIGEST, fresh(patient)) for patient in patients}
    return list(records_of(rows, Marker(log_offset + 1, epoch)))


def test_the_marker_is_the_last_of_its_batch() -> None:
    records = batch(7, 1, "p1", "p2")
    assert [record.key for record in records] == [b"p1", b"p2", MARKER]
    assert parsed(records[-1].value) == Marker(8, 1)


def test_what_was_written_is_read_back() -> None:
    held = read(batch(7, 1, "p1"), batch(9, 1, "p2"))
    assert held.marker == Marker(10, 1)
    assert {patient: one.log_offset for patient, one in held.decoded().items()} == {"p1": 7, "p2": 9}


def test_a_row_that_is_taken_away_is_gone() -> None:
    held = read(batch(7, 1, "p1"), list(records_of({"p1": None}, Marker(9, 1))))
    assert held.decoded() == {}


def test_a_paused_worker_that_writes_after_it_lost_the_partition_changes_nothing() -> None:
    claimed = list(records_of({}, Marker(10, 2)))
    late = batch(3, 1, "p1")
    held = read(batch(7, 1, "p1"), claimed, batch(12, 2, "p1"), late)
    assert held.marker == Marker(13, 2)
    assert held.decoded()["p1"].log_offset == 12
    assert held.stale == len(late)


def test_a_damaged_row_is_refused() -> None:
    with pytest.raises(row.RowError):
        PartitionRows(rows={b"p1": b"\x00"}).decoded()


def test_a_patient_may_be_called_like_the_marker() -> None:
    one = row.Row(row.VERSION, 3, row.EMPTY_DIGEST, fresh("\x00marker"))
    held = PartitionRows()
    for offset, record in enumerate(records_of({"\x00marker": one}, Marker(4, 1))):
        held.take(offset, record.key, record.value, record.headers)
    assert held.marker == Marker(4, 1)
    assert held.decoded() == {"\x00marker": one}
