"""One partition of the log, told again offline and held against the live rows, alerts and states, record by record."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from functools import cached_property

from agents.engine.changelog import PartitionRows, patient_of, row_key
from agents.engine.outcome import AlertFromRecord, Outcome
from agents.engine.partition import NOWHERE, Partition
from agents.verify.difference import Difference, first_difference, first_in_json
from agents.verify.findings import Breach, BreachKind, Findings
from agents.verify.published import AlertMessage, AlertVersion, PublishedAlerts, PublishedStates, digest_of
from agents.verify.reader import StoredRecord
from agents.verify.set_comparison import LogPlace, SetComparison
from monitor.patient_view import view
from monitor.record import row
from schemas.topics import ALERTS, PATIENT_STATE

LOG = 0  # the number of the log among the topics of an account


@dataclass(slots=True)
class Live:
    """What the live system wrote about one partition."""

    held: PartitionRows
    alerts: PublishedAlerts
    states: PublishedStates

    @property
    def marker(self) -> int:
        """The first log record that the rows do not hold."""
        return self.held.marker.next_offset


@dataclass
class PartitionCheck:
    """A replay of one partition. `begins`: the first offset that the log still has.

    `arrivals` is told what lies in the log, and what a merge sent on and must lie there; `letters` what was refused.
    """

    shard: Partition
    live: Live
    findings: Findings
    arrivals: SetComparison
    letters: SetComparison
    begins: int = 0
    _settled: bool = False
    _changed: dict[str, int] = field(default_factory=dict)
    _unverified: set[str] = field(default_factory=set)
    _held_back: list[tuple[str, Breach]] = field(default_factory=list)

    @property
    def ends(self) -> int:
        """Up to here the log must be read for all that was told to be judged."""
        told = max((message.log_offset for message in self.live.alerts), default=-1)
        return max(self.live.marker, told + 1, *(offset + 1 for offset in self._rows_ahead), 0)

    def take(self, record: StoredRecord) -> None:
        """The next record of the log."""
        self.arrivals.find(identity(record.key, record.value), LogPlace(LOG, self.shard.partition, record.offset))
        if record.offset >= self.live.marker and not self._settled:
            self._settle()
        if record.offset >= self.ends_at:
            return
        outcome = self.shard.apply((record,))
        for told in outcome.alerts:
            self._match(told, record.offset < self.live.marker)
        if record.offset < self.live.marker:
            self._count(outcome, record)
        for patient_id in self._states_at.pop(record.offset, ()):
            self._compare_state(patient_id, record.offset)
        for patient_id in self._rows_ahead.pop(record.offset, ()):
            self._compare_row(patient_id, self.live.held.rows[row_key(patient_id)])

    def close(self) -> None:
        """The log is at its end: what was told and not heard again is phantom."""
        if not self._settled:
            self._settle()
        if self.shard.next_offset < self.live.marker:
            self._breach("marker_ahead", "", self.live.marker, "the marker is beyond the end of the log")
        for patients in (*self._rows_ahead.values(), *self._states_at.values()):
            for patient_id in patients:
                self._breach("row_phantom", patient_id, None, "a row or state that holds more than the log")
        for message in self.live.alerts:
            if not message.matched and message.log_offset >= self.begins:
                self._phantom(message)
        for misplaced in (*self.live.alerts.unreadable, *self.live.states.unreadable):
            self._breach("alert_phantom", "", misplaced.log_offset, misplaced.detail)
        for misplaced in self.live.alerts.out_of_order:
            self._breach("alert_out_of_order", "", misplaced.log_offset, misplaced.detail)
        for patient_id, breach in self._held_back:
            if patient_id not in self._unverified:
                self.findings.add(breach)
        self.findings.repeats += self.live.alerts.repeats
        self.findings.unverified += len(self._unverified)

    @cached_property
    def ends_at(self) -> int:
        """As `ends`, reckoned once."""
        return self.ends

    @cached_property
    def _rows_ahead(self) -> dict[int, list[str]]:
        """Rows that hold more than their marker says: a worker died between the two. By what they hold last."""
        ahead = defaultdict(list)
        for key, payload in self.live.held.rows.items():
            one, patient_id = decoded(payload), named(key)
            if one is not None and one.log_offset >= self.live.marker and row_key(patient_id) == key:
                ahead[one.log_offset].append(patient_id)
        return ahead

    @cached_property
    def _states_at(self) -> dict[int, list[str]]:
        """Whose state was last published as of which record."""
        found = defaultdict(list)
        for patient_id, published in self.live.states.last.items():
            if published.log_offset >= self.begins:
                found[published.log_offset].append(patient_id)
        return found

    @property
    def is_cut(self) -> bool:
        """Whether the log's head is gone."""
        return self.begins > 0

    def _count(self, outcome: Outcome, record: StoredRecord) -> None:
        """What became of a record that the marker covers, and what must have come of it elsewhere."""
        findings, place = self.findings, LogPlace(LOG, self.shard.partition, record.offset)
        findings.events += 1
        findings.alerts += len(outcome.alerts)
        findings.letters += len(outcome.letters)
        findings.dispositions.update(outcome.dispositions)
        for letter in outcome.letters:
            self.letters.expect(letter.letter.model_dump_json().encode(), place)
        # With the log's head gone, a story that moves on is not the one that we know.
        for forward in outcome.forwards if not self.is_cut else ():
            self.arrivals.expect(identity(forward.patient_id.encode(), forward.value), place)
        for patient_id in outcome.changed:
            self._changed[patient_id] = record.offset

    # ---- alerts

    def _match(self, told: AlertFromRecord, demanded: bool) -> None:
        payload = told.alert.model_dump_json().encode()
        message = self.live.alerts.messages.get((told.offset, digest_of(payload)))
        if message is not None:
            message.matched = True
        elif demanded:
            self._not_told(told, payload)

    def _not_told(self, told: AlertFromRecord, payload: bytes) -> None:
        alert = told.alert
        other = self.live.alerts.named.get(AlertVersion(alert.alert_id, alert.version))
        shown = {"expected": payload.decode()}
        if other is None:
            detail = f"{alert.kind} {alert.status}, version {alert.version}: was never told"
            self._breach("alert_missing", alert.patient_id, told.offset, detail, shown)
        else:
            other.matched = True
            why = "its bytes" if other.log_offset == told.offset else f"told for log record {other.log_offset} and"
            detail = f"{alert.kind} {alert.status}, version {alert.version}: {why} differ from the replay's"
            self._breach("alert_altered", alert.patient_id, told.offset, detail, shown, ALERTS.name, other.offset)

    def _phantom(self, message: AlertMessage) -> None:
        detail = f"version {message.name.version} of an alert that the log does not give"
        shown = {"alert_id": message.name.alert_id}
        self._breach(
            "alert_phantom", message.patient_id, message.log_offset, detail, shown, ALERTS.name, message.offset
        )

    # ---- rows

    def _settle(self) -> None:
        """The log is at the marker: every row must be what the replay has."""
        self._settled = True
        rows = self.live.held.rows
        ahead = {patient_id for patients in self._rows_ahead.values() for patient_id in patients}
        for patient_id in self.shard:
            payload = rows.get(row_key(patient_id))
            if payload is None:
                at = self.shard.positions.get(patient_id, NOWHERE).log_offset
                self._breach("row_missing", patient_id, at, "a patient without a row")
            elif patient_id not in ahead:
                self._compare_row(patient_id, payload)
        known = self.shard.patients.states
        for key, payload in rows.items():
            patient_id = named(key)
            if patient_id not in known and patient_id not in ahead:
                self._unknown_row(patient_id, payload)
        self.findings.patients += len(known)
        self._demand_states()

    def _unknown_row(self, patient_id: str, payload: bytes) -> None:
        if self.is_cut:
            self._unverified.add(patient_id)
        else:
            one = decoded(payload)
            at = None if one is None else one.log_offset
            self._breach("row_phantom", patient_id, at, "a row of a patient who is not in the log")

    def _compare_row(self, patient_id: str, payload: bytes) -> None:
        expected, live = self.shard.row(patient_id), decoded(payload)
        if live is None:
            self._breach("row_unreadable", patient_id, expected.log_offset, "not a row that this build reads")
        elif live != expected:
            if self.is_cut and live.digest != expected.digest:
                self._unverified.add(patient_id)
                return
            found = first_difference(expected, live) or Difference("(equal)", None, None)
            self._differs("row_differs", patient_id, min(expected.log_offset, live.log_offset), found)

    # ---- states

    def _compare_state(self, patient_id: str, offset: int) -> None:
        published = self.live.states.last[patient_id]
        if patient_id not in self.shard.patients.states:
            self._breach("state_phantom", patient_id, offset, "a state of a patient who is not in the log")
            return
        if self.shard.positions[patient_id].log_offset != offset:
            self._breach("state_differs", patient_id, offset, "log_offset: not a record that touched the patient")
            return
        expected = view(self.shard.guideline, self.shard.state(patient_id), None, offset).model_dump_json().encode()
        found = None if expected == published.payload else first_in_json(expected, published.payload)
        if found is not None:
            self._differs("state_differs", patient_id, offset, found, PATIENT_STATE.name, published.offset)

    def _demand_states(self) -> None:
        """Whoever changed clinically must have been published since."""
        for patient_id, offset in self._changed.items():
            if patient_id in self.live.states.beyond:
                continue
            published = self.live.states.last.get(patient_id)
            if published is None:
                self._breach("state_missing", patient_id, offset, "a patient who changed was never published")
            elif published.log_offset < offset:
                detail = f"published as of log record {published.log_offset}, and changed since"
                self._breach("state_outdated", patient_id, offset, detail)

    # ---- breaches

    def _differs(
        self,
        kind: BreachKind,
        patient_id: str,
        log_offset: int,
        found: Difference,
        topic: str | None = None,
        offset: int | None = None,
    ) -> None:
        shown = {"expected": repr(found.expected), "actual": repr(found.actual)}
        self._breach(kind, patient_id, log_offset, f"first difference: {found.path}", shown, topic, offset)

    def _breach(
        self,
        kind: BreachKind,
        patient_id: str,
        log_offset: int | None,
        detail: str,
        shown: dict[str, str] | None = None,
        topic: str | None = None,
        offset: int | None = None,
    ) -> None:
        everything = {"patient_id": patient_id} | (shown or {})
        breach = Breach(kind, self.shard.partition, log_offset, detail, everything, topic, offset)
        if self.is_cut and patient_id:
            self._held_back.append((patient_id, breach))
        else:
            self.findings.add(breach)


def decoded(payload: bytes) -> row.Row | None:
    """A row from its bytes; None when it is none that this build reads."""
    try:
        return row.decode(payload)
    except row.RowError:
        return None


def named(key: bytes) -> str:
    """The patient of a row; a key that is none gets a name that nobody has."""
    try:
        return patient_of(key)
    except UnicodeDecodeError:
        return repr(key)


def identity(key: bytes | None, value: bytes | None) -> bytes:
    """What makes a log record the one that somebody wrote: patient and bytes."""
    return b"%b\x00%b" % (key or b"", value or b"")
