"""The changelog: the rows of a partition's patients, and a marker that says how far the log is in them.

Rows and marker are one Kafka record batch, which is appended whole or not at all. Whoever takes a partition over
claims it with a higher epoch first; what a paused worker writes after that has a lower one and is passed over.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from monitor.record import row

MARKER = b"\x00marker"
EPOCH = "epoch"

Headers = Sequence[tuple[str, bytes]]


class Marker(NamedTuple):
    """`next_offset`: the first record of the log that the rows do not hold. `epoch`: who wrote them.

    `ticks`: what a shard must know of the clock to go on from there (shard.py).
    """

    next_offset: int = 0
    epoch: int = 0
    ticks: tuple[int, ...] = ()


class Record(NamedTuple):
    """What is appended to a topic. In the changelog a value of None takes the row of that patient away."""

    key: bytes | None
    value: bytes | None
    headers: Headers = ()


@dataclass(slots=True)
class PartitionRows:
    """What one partition of the changelog holds, read in order."""

    rows: dict[bytes, bytes] = field(default_factory=dict)
    marker: Marker = field(default_factory=Marker)
    epoch: int = 0
    offset: int = -1  # of the last record read
    stale: int = 0  # records of a worker that had lost the partition

    def take(self, offset: int, key: bytes | None, value: bytes | None, headers: Iterable[Any] | None) -> None:
        """One more record."""
        self.offset = offset
        epoch = epoch_of(headers)
        if epoch < self.epoch or key is None:
            self.stale += 1
            return
        self.epoch = epoch
        if key == MARKER:
            self.marker = parsed(value)
        elif value is None:
            self.rows.pop(key, None)
        else:
            self.rows[key] = value

    def decoded(self) -> dict[str, row.Row]:
        """The rows by patient. Raises RowError naming none of them."""
        return dict(self.decoding())

    def decoding(self) -> Iterator[tuple[str, row.Row]]:
        """The same one by one, for whoever must not be busy for long."""
        return ((patient_of(key), row.decode(value)) for key, value in list(self.rows.items()))


def records_of(rows: Mapping[str, row.Row | None], marker: Marker) -> Iterator[Record]:
    """Rows (None: the patient's is taken away), the marker last."""
    headers = [(EPOCH, str(marker.epoch).encode())]
    for patient_id, one in rows.items():
        yield Record(row_key(patient_id), None if one is None else row.encode(one), headers)
    said = {"next": marker.next_offset, "epoch": marker.epoch, "ticks": marker.ticks}
    yield Record(MARKER, json.dumps(said).encode(), headers)


def row_key(patient_id: str) -> bytes:
    """The key of a patient's row: never that of the marker, whatever a feed calls its patients."""
    key = patient_id.encode()
    return b"\x00" + key if key.startswith(b"\x00") else key


def patient_of(key: bytes) -> str:
    """The patient whose row has this key."""
    return (key[1:] if key.startswith(b"\x00") else key).decode()


def epoch_of(headers: Iterable[Any] | None) -> int:
    """The epoch in which a record was written; 0 when it does not say."""
    for name, value in headers or ():
        if name == EPOCH:
            return int(value)
    return 0


def parsed(value: bytes | None) -> Marker:
    """The marker as it was written."""
    said = json.loads(value or b"{}")
    return Marker(int(said.get("next", 0)), int(said.get("epoch", 0)), tuple(said.get("ticks", ())))
