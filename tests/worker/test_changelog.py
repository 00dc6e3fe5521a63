"""The changelog: rows and marker go together; an older owner and foreign records change nothing."""

from __future__ import annotations

import json
from typing import Any

import pytest

from agents.engine.changelog import EPOCH, MARKER, Marker, PartitionRows, Record, parse_marker, records_of, row_key
from monitor.model import fresh
from monitor.record import row

ROW = row.Row(row.VERSION, 7, row.EMPTY_DIGEST, fresh("p1"))


def read(*batches: list[Record]) -> PartitionRows:
    rows = PartitionRows()
    for offset, record in enumerate(record for batch in batches for record in batch):
        rows.take(offset, record.key, record.value, record.headers)
    return rows


def batch(log_offset: int, epoch: int, *patients: str) -> list[Record]:
    rows = {patient: row.Row(row.VERSION, log_offset, row.EMPTY_DIGEST, fresh(patient)) for patient in patients}
    return list(records_of(rows, Marker(log_offset + 1, epoch)))


def test_the_marker_is_the_last_of_its_batch() -> None:
    records = batch(7, 1, "p1", "p2")
    assert [record.key for record in records] == [b"p1", b"p2", MARKER]
    assert parse_marker(records[-1].value) == Marker(8, 1)


def test_rows_and_marker_are_read_back_as_written() -> None:
    rows = read(batch(7, 1, "p1"), batch(9, 1, "p2"))
    assert rows.marker == Marker(10, 1)
    assert {patient: one.log_offset for patient, one in rows.decoded().items()} == {"p1": 7, "p2": 9}
    assert (rows.stale, rows.foreign) == (0, 0)


def test_a_deleted_row_is_gone() -> None:
    rows = read(batch(7, 1, "p1"), list(records_of({"p1": None}, Marker(9, 1))))
    assert rows.decoded() == {}
    assert rows.foreign == 0


def test_a_paused_worker_that_writes_after_it_lost_the_partition_changes_nothing() -> None:
    claimed = list(records_of({}, Marker(10, 2)))
    late = batch(3, 1, "p1")
    rows = read(batch(7, 1, "p1"), claimed, batch(12, 2, "p1"), late)
    assert rows.marker == Marker(13, 2)
    assert rows.decoded()["p1"].log_offset == 12
    assert rows.stale == len(late)


def test_a_damaged_row_of_ours_is_refused() -> None:
    with pytest.raises(row.RowError):
        read([Record(b"p1", b"\x00", [(EPOCH, b"1")])]).decoded()


def test_a_patient_may_be_called_like_the_marker() -> None:
    one = row.Row(row.VERSION, 3, row.EMPTY_DIGEST, fresh("\x00marker"))
    rows = read(list(records_of({"\x00marker": one}, Marker(4, 1))))
    assert rows.marker == Marker(4, 1)
    assert rows.decoded() == {"\x00marker": one}


OURS = [(EPOCH, b"1")]
FOREIGN: dict[str, Record] = {
    "no headers": Record(b"p1", b"?"),
    "no epoch": Record(b"p1", b"?", [("trace", b"1")]),
    "an epoch that is no number": Record(b"p1", b"?", [(EPOCH, b"first")]),
    "an epoch without a value": Record(b"p1", b"?", [(EPOCH, None)]),  # type: ignore[list-item]
    "an epoch that is not ASCII": Record(b"p1", b"?", [(EPOCH, "١".encode())]),
    "an empty epoch": Record(b"p1", b"?", [(EPOCH, b"")]),
    "a negative epoch": Record(b"p1", b"?", [(EPOCH, b"-1")]),
    "an epoch too long for a number": Record(b"p1", b"?", [(EPOCH, b"9" * 5000)]),
    "no key": Record(None, b"?", OURS),
    "an empty key": Record(b"", b"?", OURS),
    "a key that is not UTF-8": Record(b"\xff\xfe", b"?", OURS),
    "a key in the marker's namespace": Record(b"\x00p1", b"?", OURS),
    "a deleted row without an epoch": Record(b"p1", None),
    "a deleted marker": Record(MARKER, None, OURS),
    "a marker that is not JSON": Record(MARKER, b"{", OURS),
    "a marker that is not UTF-8": Record(MARKER, b"\xff", OURS),
    "a marker that is no object": Record(MARKER, b"[1]", OURS),
    "a marker without an offset": Record(MARKER, b'{"epoch": 1}', OURS),
    "a marker with a text for an offset": Record(MARKER, b'{"next": "9", "epoch": 1, "ticks": []}', OURS),
    "a marker with a negative offset": Record(MARKER, b'{"next": -9, "epoch": 1, "ticks": []}', OURS),
    "a marker with other ticks": Record(MARKER, b'{"next": 9, "epoch": 1, "ticks": [1, 2]}', OURS),
    "a marker with ticks that are no list": Record(MARKER, b'{"next": 9, "epoch": 1, "ticks": 3}', OURS),
    "a marker whose header has another epoch": Record(MARKER, b'{"next": 9, "epoch": 7, "ticks": []}', OURS),
    "a marker nested too deeply": Record(MARKER, b"[" * 100_000, OURS),
}


@pytest.mark.parametrize("foreign", FOREIGN.values(), ids=FOREIGN.keys())
@pytest.mark.parametrize("first", [True, False], ids=["before ours", "after ours"])
def test_a_foreign_record_is_counted_and_changes_nothing(foreign: Record, first: bool) -> None:
    ours = batch(7, 1, "p1")
    rows = read([foreign], ours) if first else read(ours, [foreign])
    assert (rows.marker, rows.epoch) == (Marker(8, 1), 1)
    assert {patient: one.log_offset for patient, one in rows.decoded().items()} == {"p1": 7}
    assert (rows.foreign, rows.stale) == (1, 0)


@pytest.mark.parametrize("patient_id", ["p1", "\x00", "\x00\x00p", "ü", "\x00marker"])
def test_every_key_that_we_write_is_one_that_we_read(patient_id: str) -> None:
    rows = read([Record(row_key(patient_id), row.encode(ROW), OURS)])
    assert (list(rows.decoded()), rows.foreign) == ([patient_id], 0)


def test_a_marker_of_a_build_that_kept_no_ticks_is_read() -> None:
    fields: dict[str, Any] = {"next": 5, "epoch": 1}
    assert parse_marker(json.dumps(fields).encode()) == Marker(5, 1)
