"""One partition of the log in memory: applies its records in order, each offset exactly once.

Worker, `verify` and `rebuild` all judge with this class, so `verify` can demand that what the live system wrote equals
what a replay of the log gives. Nothing here reads a clock or sends anything.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from pydantic_core import from_json, to_json

from agents.engine.changes import Disposition, alert_delays, clinically_changed, disposition
from agents.engine.judging import dead_letters, judge
from agents.engine.patients import Judged, Patients
from agents.engine.records import LogRecord
from agents.engine.ticks import NEVER_TICKED, Ticks
from monitor.guidelines.in_force import Guideline
from monitor.model import State
from monitor.record import row
from monitor.step import SAME, PatientEventType
from monitor.units.instants import LONG_AGO, to_datetime, to_ms
from schemas.alerts import Alert
from schemas.dead_letters import DeadLetter, Origin
from schemas.decode import Decoded, Refused, decode
from schemas.events import Tick

TICK = "tick"


class AlertFromRecord(NamedTuple):
    """An alert, and the log record that caused it. `appended_ms`: when the broker appended that record."""

    alert: Alert
    offset: int
    appended_ms: int


class Forward(NamedTuple):
    """An event to append to the log for another patient: after a merge, or when it was in the wrong partition."""

    patient_id: str
    value: bytes


class KeyedDeadLetter(NamedTuple):
    """A dead letter, and the key of the record that it is about."""

    key: bytes | None
    letter: DeadLetter


class Defect(NamedTuple):
    """A judgement that failed by a bug of ours. `place`: kind and place of the exception, without patient data."""

    place: str
    offset: int


@dataclass(slots=True)
class Outcome:
    """What a batch of records resulted in: what to send, which rows changed, and what to count."""

    alerts: list[AlertFromRecord] = field(default_factory=list)
    forwards: list[Forward] = field(default_factory=list)
    letters: list[KeyedDeadLetter] = field(default_factory=list)
    defects: list[Defect] = field(default_factory=list)
    # Patients whose row changed, and those of them whose state should be published at once.
    touched: dict[str, None] = field(default_factory=dict)
    changed: dict[str, None] = field(default_factory=dict)
    dispositions: Counter[Disposition] = field(default_factory=Counter)
    verdicts: Counter[str] = field(default_factory=Counter)
    # ms from raising to acknowledgement, and (kind, ms) from raising to resolution.
    acknowledged: list[int] = field(default_factory=list)
    resolved: list[tuple[str, int]] = field(default_factory=list)
    unknown_fields: int = 0
    ticked_at: int = LONG_AGO


class Position(NamedTuple):
    """The last log offset that was applied to a patient, and a rolling digest of all offsets so far."""

    log_offset: int
    digest: bytes


NOWHERE = Position(-1, row.EMPTY_DIGEST)


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
    ) -> None:
        """`topic`: the log's name, for dead letters. `owns_patient`: see `partitioning.belongs_to`.

        `ticks`: as they were after the record before `next_offset`.
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
        # Rows may be newer than the marker: up to this offset a record may already be in some row.
        self._max_row_offset = max((one.log_offset for one in rows.values()), default=-1)

    def apply(self, records: Iterable[LogRecord]) -> Outcome:
        """Applies records in order and skips those that were applied before. Never raises for any record."""
        outcome = Outcome()
        for record in records:
            if self.is_behind(record.offset):
                outcome.dispositions["skipped"] += 1
                continue
            self._apply(record, outcome)
            self.next_offset = record.offset + 1
        return outcome

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

    def _apply(self, record: LogRecord, outcome: Outcome) -> None:
        decoded = decode(record.value)
        if isinstance(decoded, Refused):
            self._refuse(record, decoded, outcome)
            outcome.dispositions["dead_letter"] += 1
            return
        outcome.unknown_fields += len(decoded.unknown_fields)
        event = decoded.event
        if isinstance(event, Tick):
            self._tick(event, record, outcome)
        elif event.patient_id not in self.positions and not self._owns_patient(event.patient_id):
            # Its writer computes partitions in another way: the event belongs into another partition.
            outcome.forwards.append(forwarded(event, event, record))
            outcome.dispositions["forwarded"] += 1
        elif record.offset <= self._max_row_offset and self._row_includes(event.patient_id, record.offset):
            outcome.dispositions["skipped"] += 1
        else:
            self._judge(decoded, event, record, outcome)

    def _judge(self, decoded: Decoded, event: PatientEventType, record: LogRecord, outcome: Outcome) -> None:
        known_at = record.timestamp if event.received_at is None else to_ms(event.received_at)
        backlog_at = record.timestamp if self.ticks.is_backlog(known_at, record.timestamp) else None
        judged = judge(self.patients, decoded, record.timestamp, backlog_at)
        self._note(judged, record, event.event_id, outcome)
        if judged.step.forwards:
            outcome.forwards += [forwarded(one, event, record) for one in judged.step.forwards]
        outcome.dispositions[disposition(judged)] += 1

    def _tick(self, tick: Tick, record: LogRecord, outcome: Outcome) -> None:
        at = to_ms(tick.effective_at)
        self.ticks = self.ticks.after(record.timestamp)
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
        self.positions[patient_id] = Position(record.offset, row.roll(before.digest, record.offset, event_id))
        outcome.touched[patient_id] = None
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
        origin = Origin(self.topic, self.partition, record.offset, to_datetime(record.timestamp))
        letters = dead_letters(result, record.value, origin)
        outcome.letters += [KeyedDeadLetter(record.key, letter) for letter in letters]


def forwarded(event: PatientEventType, original: PatientEventType, record: LogRecord) -> Forward:
    """The message to append to the log for an event that goes on to another patient.

    An event that is only redirected keeps every field, also those that this build does not use, and its log time.
    """
    if event.event_id != original.event_id or record.value is None:
        return Forward(event.patient_id, event.model_dump_json(exclude_none=True).encode())
    written = from_json(record.value) | {"patient_id": event.patient_id}
    written.setdefault("received_at", to_datetime(record.timestamp).isoformat())
    return Forward(event.patient_id, to_json(written))
