"""What the live system wrote about one partition of the log: rows, alerts and states, read back to be checked."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from agents.engine.changelog import PartitionRows, patient_of, row_key
from agents.verify.published import PublishedAlerts, PublishedStates
from monitor.record import row


@dataclass(slots=True)
class LivePartition:
    """Rows, alerts and states of one partition. `held`: the rows with the marker that they belong to."""

    held: PartitionRows
    alerts: PublishedAlerts
    states: PublishedStates

    @property
    def marker(self) -> int:
        """The first log offset that the rows do not include."""
        return self.held.marker.next_offset

    @property
    def last_alert(self) -> int:
        """The last log offset that caused an alert; -1 when there is none."""
        return max((message.log_offset for message in self.alerts), default=-1)

    def rows_ahead(self) -> dict[int, list[str]]:
        """Patients whose row includes more of the log than the marker, by the last log offset in the row.

        This happens when a worker ends after it wrote a row and before it wrote the marker.
        """
        ahead = defaultdict(list)
        for key, payload in self.held.rows.items():
            live, patient_id = decode_row(payload), patient_in_key(key)
            if live is not None and live.log_offset >= self.marker and row_key(patient_id) == key:
                ahead[live.log_offset].append(patient_id)
        return ahead

    def states_from(self, begin: int) -> dict[int, list[str]]:
        """Patients by the log offset of their last published state, from log offset `begin` on."""
        found = defaultdict(list)
        for patient_id, published in self.states.last.items():
            if published.log_offset >= begin:
                found[published.log_offset].append(patient_id)
        return found


def decode_row(payload: bytes) -> row.Row | None:
    """A row from its bytes; None when this build cannot decode it."""
    try:
        return row.decode(payload)
    except row.RowError:
        return None


def patient_in_key(key: bytes) -> str:
    """The patient id in the key of a row. An undecodable key gives its `repr`, which is no patient's id."""
    try:
        return patient_of(key)
    except UnicodeDecodeError:
        return repr(key)
