"""One partition of the log: its patients' states in memory, to which records are applied in order, each once.

Worker, `verify`, `rebuild` and `replay` all judge with this class, so `verify` can demand that what the live system
wrote equals what a replay of the log gives. Nothing here reads a clock or sends anything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from hashlib import blake2b
from typing import NamedTuple

from agents.engine.log_time import NEVER_TICKED, Ticks, append_time, log_time, tick_time, time_to_show
from agents.engine.outcome import AlertFromRecord, Defect, KeyedDeadLetter, Outcome, dead_letters, forwarded
from agents.engine.patients import Judged, Patients, alert_delays, clinically_changed, disposition
from agents.engine.records import LogRecord
from monitor.guidelines.in_force import Guideline
from monitor.model import State
from monitor.record import row
from monitor.step import SAME, PatientEventType
from monitor.units import to_datetime, to_ms
from schemas.dead_letters import Origin
from schemas.decode import decode
from schemas.decoded import Decoded, Refused
from schemas.events import Tick

TICK = "tick"

Watcher = Callable[[Judged], None]


class Position(NamedTuple):
    """The last log offset that was applied to a patient, and a rolling digest of all offsets so far."""

    log_offset: int
    digest: bytes


NOWHERE = Position(-1, row.EMPTY_DIGEST)


def next_digest(digest: bytes, log_offset: int, event_id: str) -> bytes:
    """The rolling digest after one more applied event."""
    content = b"%b%d %b" % (digest, log_offset, event_id.encode("utf-8", "surrogatepass"))
    return blake2b(content, digest_size=row.DIGEST_BYTES).digest()


class Partition:
    """The patients of one partition. `next_offset`: the first record that has not been applied."""

    def __init__(
        self,
        guideline: Guideline,
        partition: int,
        topic: str,
        *,
        rows: Mapping[str, row.Row] | None = None,
        next_offset: int = 0,
        ticks: Ticks = NEVER_TICKED,
        owns_patient: Callable[[str], bool] = lambda _: True,
        watchers: Sequence[Watcher] = (),
    ) -> None:
        """`topic`: the log's name, for dead letters. `owns_patient`: see `partitioning.belongs_to`.

        `ticks`: as they were after the record before `next_offset`. `watchers` get every judgement, in order.
        """
        rows = rows or {}
        self.guideline = guideline
        self.partition = partition
        self.topic = topic
        self.next_offset = next_offset
        self.ticks = ticks
        self.patients = Patients(guideline, {patient_id: one.state for patient_id, one in rows.items()})
        self.positions = {patient_id: Position(one.log_offset, one.digest) for patient_id, one in rows.items()}
        self._owns_patient = owns_patient
        self._watchers = tuple(watchers)
        # Rows may be newer than the marker: up to this offset a record may already be in some row.
        self._max_row_offset = max((one.log_offset for one in rows.values()), default=-1)

    def apply(self, records: Iterable[LogRecord]) -> Outcome:
        """Applies records in order and skips those that were applied before. Never raises for any record."""
        outcome = Outcome()
        for record in records:
            if self.is_behind(record.offset):
                outcome.dispositions["skipped"] += 1
                continue
            self.apply_decoded(record, decode(record.value, in_log=True), outcome)
        return outcome

    def apply_decoded(self, record: LogRecord, decoded: Decoded | Refused, outcome: Outcome) -> None:
        """Applies the next record, whose value was decoded before, and adds the result to `outcome`. Never raises."""
        if isinstance(decoded, Refused):
            self._refuse(record, decoded, outcome)
            outcome.dispositions["dead_letter"] += 1
        else:
            self._apply(record, decoded, outcome)
        self.next_offset = record.offset + 1

    def is_behind(self, offset: int) -> bool:
        """The offset guard: whether a record was applied before."""
        return offset < self.next_offset

    def state(self, patient_id: str) -> State:
        """A patient's state."""
        return self.patients.states[patient_id]

    def row(self, patient_id: str) -> row.Row:
        """A patient's row as it is to be written to the changelog."""
        position = self.positions[patient_id]
        return row.Row(row.VERSION, position.log_offset, position.digest, self.patients.states[patient_id])

    def __iter__(self) -> Iterator[str]:
        """All patients."""
        return iter(self.patients.states)

    def _apply(self, record: LogRecord, decoded: Decoded, outcome: Outcome) -> None:
        outcome.unknown_fields += len(decoded.unknown_fields)
        event = decoded.event
        if isinstance(event, Tick):
            self._tick(event, record, outcome)
        elif event.patient_id not in self.positions and not self._owns_patient(event.patient_id):
            # Its writer computes partitions in another way: the event belongs into another partition.
            outcome.forwards.append(forwarded(event, record))
            outcome.dispositions["forwarded"] += 1
        elif record.offset <= self._max_row_offset and self._row_includes(event.patient_id, record.offset):
            outcome.dispositions["skipped"] += 1
        else:
            self._judge(decoded, event, record, outcome)

    def _judge(self, decoded: Decoded, event: PatientEventType, record: LogRecord, outcome: Outcome) -> None:
        appended_at = append_time(record)
        known = log_time(event, appended_at, self.ticks.last, self.guideline.profile.clock_ahead)
        read_at = appended_at or self.ticks.last
        backlog_at = read_at if self.ticks.is_backlog(known.at, read_at) else None
        judged = self.patients.judge(event.patient_id, event, decoded.implausible, known, backlog_at)
        self._note(judged, record, event.event_id, outcome)
        if judged.step.forwards:
            outcome.forwards += [forwarded(one, record) for one in judged.step.forwards]
        outcome.dispositions[disposition(judged)] += 1

    def _tick(self, tick: Tick, record: LogRecord, outcome: Outcome) -> None:
        appended_at = append_time(record)
        ticked_at = to_ms(tick.effective_at)
        at = tick_time(ticked_at, appended_at, self.guideline.profile.clock_ahead)
        if at != ticked_at:
            tick = Tick(effective_at=to_datetime(at))
        self.ticks = self.ticks.after(appended_at or at)
        outcome.ticked_at = max(outcome.ticked_at, at)
        outcome.dispositions["tick"] += 1
        skipped = []
        for patient_id in self.patients.due(at):
            if self._row_includes(patient_id, record.offset):
                skipped.append(patient_id)
                continue
            self._note(self.patients.judge(patient_id, tick), record, TICK, outcome)
        for patient_id in skipped:
            self.patients.requeue(patient_id)

    def _row_includes(self, patient_id: str, offset: int) -> bool:
        """Whether the row includes this record: a worker wrote the row and died before it wrote the marker."""
        return offset <= self._max_row_offset and self.positions.get(patient_id, NOWHERE).log_offset >= offset

    def _note(self, judged: Judged, record: LogRecord, event_id: str, outcome: Outcome) -> None:
        patient_id, step = judged.patient_id, judged.step
        before = self.positions.get(patient_id, NOWHERE)
        self.positions[patient_id] = Position(record.offset, next_digest(before.digest, record.offset, event_id))
        outcome.touched[patient_id] = None
        for watcher in self._watchers:
            watcher(judged)
        if step.verdicts is SAME:
            outcome.verdicts[SAME[0].reason] += 1
            return
        if judged.defect is not None:
            outcome.defects.append(Defect(judged.defect, record.offset))
        for verdict in step.verdicts:
            outcome.verdicts[verdict.reason] += 1
        if step.alerts:
            outcome.alerts += [AlertFromRecord(alert, record.offset, record.timestamp) for alert in step.alerts]
            acknowledged, resolved = alert_delays(judged)
            outcome.acknowledged += acknowledged
            outcome.resolved += resolved
        if step.rejected:
            self._refuse(record, judged, outcome)
        if clinically_changed(judged):
            outcome.changed[patient_id] = None

    def _refuse(self, record: LogRecord, result: Refused | Judged, outcome: Outcome) -> None:
        origin = Origin(self.topic, self.partition, record.offset, time_to_show(record))
        letters = dead_letters(result, record.value, origin)
        outcome.letters += [KeyedDeadLetter(record.key, letter) for letter in letters]
