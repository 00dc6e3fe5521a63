"""One partition of the log, in memory: its records are folded in order, each offset exactly once.

Worker, `verify` and `rebuild` all judge with this and nothing else: what the live system wrote can be demanded to
equal what a replay of the log gives. Nothing here reads a clock, or sends anything.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, Protocol

from pydantic_core import from_json, to_json

from agents.engine.patients import Judged, Patients
from monitor.guidelines.in_force import Guideline
from monitor.model import Oxygen, State
from monitor.record import row
from monitor.step import SAME, ImplausibleSignal, PatientEventType
from monitor.units.instants import LONG_AGO, MINUTE, to_datetime, to_ms
from monitor.verdicts import Reason
from schemas.alerts import Alert
from schemas.dead_letters import DeadLetter, DeadLetterReason, Origin, dead_letter
from schemas.decode import Refused, decode
from schemas.events import Tick

TICK = "tick"
Disposition = Literal["applied", "duplicate", "late", "forwarded", "dead_letter", "tick", "skipped"]
# The verdict that tells what became of an event, where it was not simply applied.
DISPOSITIONS: Mapping[Reason, Disposition] = {
    "duplicate": "duplicate",
    "late": "late",
    "too_late": "late",
    "forwarded": "forwarded",
    "merged": "forwarded",
    "from_the_future": "dead_letter",
    "defect": "dead_letter",
}


class LogRecord(Protocol):
    """A record of the log, as every Kafka client gives it. `timestamp`: ms since 1970, when the broker had it."""

    @property
    def offset(self) -> int:
        """Its place in the partition."""
        ...

    @property
    def timestamp(self) -> int:
        """When the broker had it."""
        ...

    @property
    def key(self) -> bytes | None:
        """The patient it was written under."""
        ...

    @property
    def value(self) -> bytes | None:
        """The event, as JSON."""
        ...


class AlertFromRecord(NamedTuple):
    """An alert, and the log record that caused it."""

    alert: Alert
    offset: int
    appended_ms: int


class Forward(NamedTuple):
    """An event for another patient: a merge goes on there, or it was written to the wrong partition."""

    patient_id: str
    value: bytes


class KeyedDeadLetter(NamedTuple):
    """A dead letter with its key."""

    key: bytes | None
    letter: DeadLetter


@dataclass(slots=True)
class Outcome:
    """What a batch of records came to."""

    alerts: list[AlertFromRecord] = field(default_factory=list)
    forwards: list[Forward] = field(default_factory=list)
    letters: list[KeyedDeadLetter] = field(default_factory=list)
    # Patients whose row changed, and those of them who changed in a way that others want to know at once.
    touched: dict[str, None] = field(default_factory=dict)
    changed: dict[str, None] = field(default_factory=dict)
    dispositions: Counter[Disposition] = field(default_factory=Counter)
    verdicts: Counter[str] = field(default_factory=Counter)
    # For the quality of alerting: ms from raising to acknowledgement, and (kind, ms) from raising to resolution.
    acknowledged: list[int] = field(default_factory=list)
    resolved: list[tuple[str, int]] = field(default_factory=list)
    unknown_fields: int = 0
    ticked_at: int = LONG_AGO


class Position(NamedTuple):
    """How far a patient's story was applied: the last log offset, and a rolling digest of all of them."""

    log_offset: int
    digest: bytes


NOWHERE = Position(-1, row.EMPTY_DIGEST)
DOWN_AFTER_MS = 2 * MINUTE


class Ticks(NamedTuple):
    """When ticks were appended, ms: the last one, and the last two between which no worker was at work.

    Time is in the log, so a downtime of ours is too: nobody ticked.
    """

    last: int = 0
    down_from: int = 0
    down_to: int = 0

    def after(self, appended_ms: int) -> Ticks:
        """With one more tick."""
        if self.last and appended_ms - self.last > DOWN_AFTER_MS:
            return Ticks(appended_ms, self.last, appended_ms)
        return self._replace(last=max(self.last, appended_ms))

    def is_backlog(self, known_at: int, appended_ms: int) -> bool:
        """Whether an event that could be known at `known_at` had to wait because we were down."""
        last, down_from, down_to = self
        still_down = last > 0 and appended_ms - last > DOWN_AFTER_MS and known_at > last
        return still_down or down_from < known_at < down_to


NEVER_TICKED = Ticks()


class Partition:
    """The patients of one partition. `next_offset`: the first record that has not been folded."""

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
        """`topic`: the log's name, for dead letters. `belongs`: whether a patient's story is told in this partition.

        `ticks`: as they were after the record before `next_offset`.
        """
        rows = rows or {}
        self.guideline = guideline
        self.partition = partition
        self.topic = topic
        self.next_offset = next_offset
        self.ticks = ticks
        self.fold = Patients(guideline, {patient_id: one.state for patient_id, one in rows.items()})
        self.positions = {patient_id: Position(one.log_offset, one.digest) for patient_id, one in rows.items()}
        self._belongs = owns_patient
        # Up to here some row may already hold what a record says: the marker was older than the row.
        self._ahead = max((one.log_offset for one in rows.values()), default=-1)

    def apply(self, records: Iterable[LogRecord]) -> Outcome:
        """Folds records in their order; what was folded before is skipped. Never raises for any record."""
        outcome = Outcome()
        for record in records:
            if self.is_behind(record.offset):
                outcome.dispositions["skipped"] += 1
                continue
            self._take(record, outcome)
            self.next_offset = record.offset + 1
        return outcome

    def is_behind(self, offset: int) -> bool:
        """The offset guard: whether a record was folded before."""
        return offset < self.next_offset

    def state(self, patient_id: str) -> State:
        """A patient's state."""
        return self.fold.states[patient_id]

    def row(self, patient_id: str) -> row.Row:
        """A patient's row as it should stand in the table."""
        position = self.positions[patient_id]
        return row.Row(row.VERSION, position.log_offset, position.digest, self.fold.states[patient_id])

    def __iter__(self) -> Iterator[str]:
        """All patients."""
        return iter(self.fold.states)

    def _take(self, record: LogRecord, outcome: Outcome) -> None:
        decoded = decode(record.value)
        if isinstance(decoded, Refused):
            self._refuse(record, decoded.reason, decoded.detail, outcome)
            outcome.dispositions["dead_letter"] += 1
            return
        outcome.unknown_fields += len(decoded.unknown_fields)
        event = decoded.event
        if isinstance(event, Tick):
            self._tick(event, record, outcome)
            return
        patient_id = event.patient_id
        if patient_id not in self.positions and not self._belongs(patient_id):
            # Written by someone who parts patients another way than we do: its place is in another partition.
            outcome.forwards.append(forwarded(event, event, record))
            outcome.dispositions["forwarded"] += 1
            return
        if record.offset <= self._ahead and self._row_includes(patient_id, record.offset):
            outcome.dispositions["skipped"] += 1
            return
        implausible = tuple(ImplausibleSignal(*part) for part in decoded.implausible) if decoded.implausible else ()
        at = None if event.received_at is not None else to_datetime(record.timestamp)
        known_at = record.timestamp if event.received_at is None else to_ms(event.received_at)
        backlog_at = record.timestamp if self.ticks.is_backlog(known_at, record.timestamp) else None
        judged = self.fold.judge(patient_id, event, implausible, at, backlog_at)
        self._note(judged, record, event.event_id, outcome)
        if judged.step.forwards:
            outcome.forwards += [forwarded(one, event, record) for one in judged.step.forwards]
        outcome.dispositions[disposition(judged)] += 1

    def _tick(self, tick: Tick, record: LogRecord, outcome: Outcome) -> None:
        at = to_ms(tick.effective_at)
        self.ticks = self.ticks.after(record.timestamp)
        outcome.ticked_at = max(outcome.ticked_at, at)
        outcome.dispositions["tick"] += 1
        spared = []
        for patient_id in self.fold.due(at):
            if self._row_includes(patient_id, record.offset):
                spared.append(patient_id)
                continue
            self._note(self.fold.judge(patient_id, tick), record, TICK, outcome)
        for patient_id in spared:
            self.fold.requeue(patient_id)

    def _row_includes(self, patient_id: str, offset: int) -> bool:
        """Whether a patient's row was written with this record in it, by a worker that died before its marker."""
        return offset <= self._ahead and self.positions.get(patient_id, NOWHERE).log_offset >= offset

    def _note(self, judged: Judged, record: LogRecord, event_id: str, outcome: Outcome) -> None:
        patient_id, done = judged.patient_id, judged.step
        before = self.positions.get(patient_id, NOWHERE)
        self.positions[patient_id] = Position(record.offset, row.roll(before.digest, record.offset, event_id))
        outcome.touched[patient_id] = None
        if done.verdicts is SAME:
            outcome.verdicts[SAME[0].reason] += 1
            return
        for verdict in done.verdicts:
            outcome.verdicts[verdict.reason] += 1
        if done.alerts:
            outcome.alerts += [AlertFromRecord(alert, record.offset, record.timestamp) for alert in done.alerts]
            alert_durations(judged, outcome)
        for rejected in done.rejected:
            self._refuse(record, rejected.reason, rejected.detail, outcome)
        if clinically_changed(judged):
            outcome.changed[patient_id] = None

    def _refuse(self, record: LogRecord, reason: DeadLetterReason, detail: str, outcome: Outcome) -> None:
        origin = Origin(self.topic, self.partition, record.offset, to_datetime(record.timestamp))
        outcome.letters.append(KeyedDeadLetter(record.key, dead_letter(reason, detail, record.value, origin)))


def disposition(judged: Judged) -> Disposition:
    """What became of an event: the first of its verdicts that says so, else it was applied."""
    if judged.step.verdicts is SAME:
        return "applied"
    for verdict in judged.step.verdicts:
        if verdict.reason in DISPOSITIONS:
            return DISPOSITIONS[verdict.reason]
    return "applied"


def clinically_changed(judged: Judged) -> bool:
    """Whether others want to know at once: an alert, or anything of the course beside another like reading."""
    if judged.step.alerts:
        return True
    before, after = judged.before.course, judged.step.state.course
    return not (
        before.held is after.held
        and (
            before.episode is after.episode
            or before.episode == after.episode._replace(fever_at=before.episode.fever_at)
        )
        and before.doses is after.doses
        and before.infusions is after.infusions
        and (before.oxygen is after.oxygen or support(before.oxygen) == support(after.oxygen))
        and before.hypotension is after.hypotension
        and before.hypoxia is after.hypoxia
        and before.context is after.context
    )


def support(oxygen: Oxygen | None) -> tuple[object, ...]:
    """What a patient breathes, whenever it was charted."""
    return () if oxygen is None else (oxygen.device, oxygen.flow, oxygen.fio2)


def alert_durations(judged: Judged, outcome: Outcome) -> None:
    """How long alerts stood before somebody saw them, or before they were over."""
    stood = {alert.alert_id: alert for alert in judged.before.alerts.open}
    at = judged.step.state.clock
    for alert in judged.step.alerts:
        before = stood.get(alert.alert_id)
        if before is None:
            continue
        if alert.status == "resolved":
            outcome.resolved.append((before.kind, at - before.raised_at))
        elif alert.acknowledged_at is not None and before.acknowledged_at is None:
            outcome.acknowledged.append(at - before.raised_at)


def forwarded(event: PatientEventType, original: PatientEventType, record: LogRecord) -> Forward:
    """What the log is to hold of an event that goes on to another patient.

    An event that only moves on keeps all that was written, also what this build could not use, and its log time.
    """
    if event.event_id != original.event_id or record.value is None:
        return Forward(event.patient_id, event.model_dump_json(exclude_none=True).encode())
    written = from_json(record.value) | {"patient_id": event.patient_id}
    written.setdefault("received_at", to_datetime(record.timestamp).isoformat())
    return Forward(event.patient_id, to_json(written))
