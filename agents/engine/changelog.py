"""The changelog topic: one row for each patient of a partition, and a marker with the next offset of the log.

Rows and marker are written as one Kafka record batch, which is appended whole or not at all. A worker that takes a
partition over first writes a marker with a higher epoch (a fencing token). What an older owner writes after that has a
lower epoch and is not read. Records that no worker of ours can have written are not read either, and counted.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from monitor.record import row

MARKER = b"\x00marker"
EPOCH = "epoch"
TICK_FIELDS = 3  # of `partition.Ticks`
EPOCH_DIGITS = 18  # more than any number of owners; longer ones are not ours

Headers = Sequence[tuple[str, bytes]]


class Marker(NamedTuple):
    """`next_offset`: the first record of the log that the rows do not hold. `epoch`: of the worker that wrote them.

    `ticks`: the fields of `ticks.Ticks` after the record before `next_offset`, or none.
    """

    next_offset: int = 0
    epoch: int = 0
    ticks: tuple[int, ...] = ()


class Record(NamedTuple):
    """One record to append to a topic. In the changelog a value of None deletes the row of that key."""

    key: bytes | None
    value: bytes | None
    headers: Headers = ()


@dataclass(slots=True)
class PartitionRows:
    """The current rows and marker of one partition, built by reading the changelog in order."""

    rows: dict[bytes, bytes] = field(default_factory=dict)
    marker: Marker = field(default_factory=Marker)
    epoch: int = 0
    offset: int = -1  # of the last record read
    stale: int = 0  # records of an owner that had lost the partition
    foreign: int = 0  # records that no worker of ours can have written

    def take(self, offset: int, key: bytes | None, value: bytes | None, headers: Iterable[Any] | None) -> None:
        """Applies the next record of the changelog. Never raises: a foreign record is counted and not applied."""
        self.offset = offset
        epoch = epoch_of(headers)
        marker = parse_marker(value) if key == MARKER else None
        if epoch is None or not (is_row_key(key) or (marker is not None and marker.epoch == epoch)):
            self.foreign += 1
        elif epoch < self.epoch:
            self.stale += 1
        else:
            self._apply(epoch, key, value, marker)

    def _apply(self, epoch: int, key: bytes | None, value: bytes | None, marker: Marker | None) -> None:
        assert key is not None, "a key of ours"
        self.epoch = epoch
        if marker is not None:
            self.marker = marker
        elif value is None:
            self.rows.pop(key, None)
        else:
            self.rows[key] = value

    def decoded(self) -> dict[str, row.Row]:
        """The rows by patient id. Raises RowError for a row that cannot be read; the message names no patient."""
        return dict(self.decoding())

    def decoding(self) -> Iterator[tuple[str, row.Row]]:
        """The same one by one, so that the caller can yield to the event loop in between. Raises RowError."""
        return ((patient_of(key), row.decode(value)) for key, value in list(self.rows.items()))


def records_of(rows: Mapping[str, row.Row | None], marker: Marker) -> Iterator[Record]:
    """The records that write these rows (None: delete the patient's row) and, last, the marker."""
    headers = [(EPOCH, str(marker.epoch).encode())]
    for patient_id, one in rows.items():
        yield Record(row_key(patient_id), None if one is None else row.encode(one), headers)
    fields = {"next": marker.next_offset, "epoch": marker.epoch, "ticks": marker.ticks}
    yield Record(MARKER, json.dumps(fields).encode(), headers)


def row_key(patient_id: str) -> bytes:
    """The key of a patient's row. It never equals the marker's key: a leading zero byte is doubled."""
    key = patient_id.encode()
    return b"\x00" + key if key.startswith(b"\x00") else key


def patient_of(key: bytes) -> str:
    """The patient whose row has this key. Raises UnicodeDecodeError for a key that is not UTF-8."""
    return (key[1:] if key.startswith(b"\x00") else key).decode()


def is_row_key(key: bytes | None) -> bool:
    """Whether `row_key` can have made this key."""
    if not key:
        return False
    try:
        return row_key(patient_of(key)) == key
    except UnicodeDecodeError:
        return False


def epoch_of(headers: Iterable[Any] | None) -> int | None:
    """The epoch in which a record was written; None without a header `epoch` that is a whole number."""
    for name, value in headers or ():
        if name == EPOCH:
            is_number = isinstance(value, bytes) and value.isdigit() and len(value) <= EPOCH_DIGITS
            return int(value) if is_number else None
    return None


def parse_marker(value: bytes | None) -> Marker | None:
    """The marker that `records_of` wrote; None when the value is not one."""
    try:
        fields = json.loads(value or b"")
        next_offset, epoch, ticks = fields["next"], fields["epoch"], tuple(fields.get("ticks", ()))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
    whole = all(type(number) is int and number >= 0 for number in (next_offset, epoch))
    # A newer build may keep more about ticks than we know.
    ticks_whole = (not ticks or len(ticks) >= TICK_FIELDS) and all(type(number) is int for number in ticks)
    return Marker(next_offset, epoch, ticks[:TICK_FIELDS]) if whole and ticks_whole else None
