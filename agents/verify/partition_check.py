"""Replays one partition of the log and compares the result with the live rows, alerts and states, record by record."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

from agents.engine.changelog import row_key
from agents.engine.outcome import AlertFromRecord, Outcome
from agents.engine.partition import NOWHERE, Partition
from agents.verify.difference import Difference, first_difference, first_in_json
from agents.verify.findings import Breach, Findings
from agents.verify.live_partition import LivePartition, decode_row, patient_in_key
from agents.verify.published import AlertMessage, AlertVersion, digest_of
from agents.verify.reader import StoredRecord
from agents.verify.set_comparison import LogPlace, SetComparison, record_identity
from monitor.patient_view import view
from schemas.topics import ALERTS, PATIENT_STATE

LOG = 0  # the number of the log in LogPlace.topic; feeds have the numbers after it


@dataclass
class PartitionCheck:
    """A replay of one partition. `begins`: the first offset that the log still has.

    `arrivals` collects what is in the log, and what a merge forwarded and must be there; `letters` the dead letters
    that the replay writes.
    """

    shard: Partition
    live: LivePartition
    findings: Findings
    arrivals: SetComparison
    letters: SetComparison
    begins: int = 0
    _rows_checked: bool = False
    _changed: dict[str, int] = field(default_factory=dict)
    _unverified: set[str] = field(default_factory=set)
    _held_back: list[Breach] = field(default_factory=list)

    @property
    def is_cut(self) -> bool:
        """Whether retention has removed the beginning of the log."""
        return self.begins > 0

    @cached_property
    def replay_end(self) -> int:
        """The log must be replayed up to here, so that every row and alert can be compared."""
        return max(self.live.marker, self.live.last_alert + 1, *(offset + 1 for offset in self._rows_ahead), 0)

    @cached_property
    def _rows_ahead(self) -> dict[int, list[str]]:
        return self.live.rows_ahead()

    @cached_property
    def _states_at(self) -> dict[int, list[str]]:
        return self.live.states_from(self.begins)

    def take(self, record: StoredRecord) -> None:
        """Replays the next record of the log and compares what is due at its offset."""
        place = LogPlace(LOG, self.shard.partition, record.offset)
        self.arrivals.find(record_identity(record.key, record.value), place)
        if record.offset >= self.live.marker and not self._rows_checked:
            self._compare_rows()
        if record.offset >= self.replay_end:
            return
        outcome = self.shard.apply((record,))
        for replayed in outcome.alerts:
            self._match(replayed, record.offset < self.live.marker)
        if record.offset < self.live.marker:
            self._count(outcome, place)
        for patient_id in self._states_at.pop(record.offset, ()):
            self._compare_state(patient_id, record.offset)
        for patient_id in self._rows_ahead.pop(record.offset, ()):
            self._compare_row(patient_id, self.live.held.rows[row_key(patient_id)])

    def close(self) -> None:
        """The log is at its end: reports everything live that the replay did not produce, and adds up the counts."""
        if not self._rows_checked:
            self._compare_rows()
        self._report_beyond_log()
        self._report_unmatched_alerts()
        for breach in self._held_back:
            if breach.shown["patient_id"] not in self._unverified:
                self.findings.add(breach)
        self.findings.repeats += self.live.alerts.repeats
        self.findings.unverified += len(self._unverified)

    def _count(self, outcome: Outcome, place: LogPlace) -> None:
        """Counts the outcome of a record below the marker, and expects what must have been written elsewhere."""
        findings = self.findings
        findings.events += 1
        findings.alerts += len(outcome.alerts)
        findings.letters += len(outcome.letters)
        findings.dispositions.update(outcome.dispositions)
        for letter in outcome.letters:
            self.letters.expect(letter.letter.model_dump_json().encode(), place)
        # Without the beginning of the log, the replay forwards a shorter history than the worker did.
        for forward in outcome.forwards if not self.is_cut else ():
            self.arrivals.expect(record_identity(forward.patient_id.encode(), forward.value), place)
        for patient_id in outcome.changed:
            self._changed[patient_id] = place.offset

    # ---- alerts

    def _match(self, replayed: AlertFromRecord, required: bool) -> None:
        """Looks for the published alert. `required`: the marker says that it was published."""
        payload = replayed.alert.model_dump_json().encode()
        message = self.live.alerts.messages.get((replayed.offset, digest_of(payload)))
        if message is not None:
            message.matched = True
        elif required:
            self._report_alert(replayed, payload)

    def _report_alert(self, replayed: AlertFromRecord, payload: bytes) -> None:
        """Reports an alert without an equal published one: as altered when its version was published, else missing."""
        alert = replayed.alert
        other = self.live.alerts.named.get(AlertVersion(alert.alert_id, alert.version))
        shown = {"patient_id": alert.patient_id, "expected": payload.decode()}
        which = f"{alert.kind} {alert.status}, version {alert.version}"
        partition, offset = self.shard.partition, replayed.offset
        if other is None:
            detail = f"{which}: was never published"
            self._report(Breach("alert_missing", partition, offset, detail, shown))
        else:
            other.matched = True
            why = "its bytes" if other.log_offset == offset else f"published for log record {other.log_offset} and"
            detail = f"{which}: {why} differ from the replay's"
            self._report(Breach("alert_altered", partition, offset, detail, shown, ALERTS.name, other.offset))

    def _report_unmatched_alerts(self) -> None:
        partition = self.shard.partition
        for message in self.live.alerts:
            if not message.matched and message.log_offset >= self.begins:
                self._report_phantom(message)
        for bad in (*self.live.alerts.unreadable, *self.live.states.unreadable):
            self._report(Breach("alert_phantom", partition, bad.log_offset, bad.detail, {"patient_id": ""}))
        for bad in self.live.alerts.out_of_order:
            self._report(Breach("alert_out_of_order", partition, bad.log_offset, bad.detail, {"patient_id": ""}))

    def _report_phantom(self, message: AlertMessage) -> None:
        detail = f"version {message.name.version} of an alert that the log does not give"
        shown = {"patient_id": message.patient_id, "alert_id": message.name.alert_id}
        at = message.log_offset
        self._report(Breach("alert_phantom", self.shard.partition, at, detail, shown, ALERTS.name, message.offset))

    # ---- rows

    def _compare_rows(self) -> None:
        """The replay is at the marker: every live row must equal the replay's."""
        self._rows_checked = True
        rows = self.live.held.rows
        ahead = {patient_id for patients in self._rows_ahead.values() for patient_id in patients}
        for patient_id in self.shard:
            payload = rows.get(row_key(patient_id))
            if payload is None:
                at = self.shard.positions.get(patient_id, NOWHERE).log_offset
                shown = {"patient_id": patient_id}
                self._report(Breach("row_missing", self.shard.partition, at, "a patient without a row", shown))
            elif patient_id not in ahead:
                self._compare_row(patient_id, payload)
        known = self.shard.patients.states
        for key, payload in rows.items():
            patient_id = patient_in_key(key)
            if patient_id not in known and patient_id not in ahead:
                self._unknown_row(patient_id, payload)
        self.findings.patients += len(known)
        self._require_states()

    def _unknown_row(self, patient_id: str, payload: bytes) -> None:
        """A row of a patient whom the replay does not know: with a cut log that proves nothing."""
        if self.is_cut:
            self._unverified.add(patient_id)
            return
        live = decode_row(payload)
        at = None if live is None else live.log_offset
        detail = "a row of a patient who is not in the log"
        self._report(Breach("row_phantom", self.shard.partition, at, detail, {"patient_id": patient_id}))

    def _compare_row(self, patient_id: str, payload: bytes) -> None:
        expected, live = self.shard.row(patient_id), decode_row(payload)
        partition, shown = self.shard.partition, {"patient_id": patient_id}
        if live is None:
            detail = "not a row that this build reads"
            self._report(Breach("row_unreadable", partition, expected.log_offset, detail, shown))
        elif live != expected:
            if self.is_cut and live.digest != expected.digest:
                self._unverified.add(patient_id)
                return
            found = first_difference(expected, live) or Difference("(equal)", None, None)
            at = min(expected.log_offset, live.log_offset)
            self._report(Breach("row_differs", partition, at, found.detail, shown | found.shown))

    def _report_beyond_log(self) -> None:
        """Reports a marker, rows and states that include offsets which the log does not have."""
        partition = self.shard.partition
        if self.shard.next_offset < self.live.marker:
            detail = "the marker is beyond the end of the log"
            self._report(Breach("marker_ahead", partition, self.live.marker, detail, {"patient_id": ""}))
        for patients in (*self._rows_ahead.values(), *self._states_at.values()):
            for patient_id in patients:
                detail = "a row or state that holds more than the log"
                self._report(Breach("row_phantom", partition, None, detail, {"patient_id": patient_id}))

    # ---- states

    def _compare_state(self, patient_id: str, offset: int) -> None:
        published = self.live.states.last[patient_id]
        partition, shown = self.shard.partition, {"patient_id": patient_id}
        if patient_id not in self.shard.patients.states:
            detail = "a state of a patient who is not in the log"
            self._report(Breach("state_phantom", partition, offset, detail, shown))
            return
        if self.shard.positions[patient_id].log_offset != offset:
            detail = "log_offset: not a record that touched the patient"
            self._report(Breach("state_differs", partition, offset, detail, shown))
            return
        expected = view(self.shard.guideline, self.shard.state(patient_id), None, offset).model_dump_json().encode()
        found = None if expected == published.payload else first_in_json(expected, published.payload)
        if found is not None:
            shown |= found.shown
            topic = PATIENT_STATE.name
            self._report(Breach("state_differs", partition, offset, found.detail, shown, topic, published.offset))

    def _require_states(self) -> None:
        """Requires a published state that includes each patient's last clinical change."""
        partition = self.shard.partition
        for patient_id, offset in self._changed.items():
            if patient_id in self.live.states.beyond:
                continue
            published, shown = self.live.states.last.get(patient_id), {"patient_id": patient_id}
            if published is None:
                detail = "a patient who changed was never published"
                self._report(Breach("state_missing", partition, offset, detail, shown))
            elif published.log_offset < offset:
                detail = f"published as of log record {published.log_offset}, and changed since"
                self._report(Breach("state_outdated", partition, offset, detail, shown))

    def _report(self, breach: Breach) -> None:
        """Adds a breach. With a cut log, one of a patient waits for `close`, which drops it if they are unverified."""
        if self.is_cut and breach.shown["patient_id"]:
            self._held_back.append(breach)
        else:
            self.findings.add(breach)
