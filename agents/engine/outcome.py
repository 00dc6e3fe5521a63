"""What a batch of the log resulted in: messages to send, rows that changed, counts; and what one judgement changed."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import NamedTuple

from pydantic_core import from_json, to_json

from agents.engine.log_time import append_time
from agents.engine.patients import Disposition, Judged
from agents.engine.records import LogRecord
from monitor.step import PatientEventType
from monitor.units import LONG_AGO, to_datetime
from schemas.alerts import Alert
from schemas.dead_letters import DeadLetter, Origin, dead_letter
from schemas.decoded import Refused
from schemas.patient_event import Void
from schemas.system_records import Story


class AlertFromRecord(NamedTuple):
    """An alert, and the log record that caused it. `appended_ms`: when the broker appended that record."""

    alert: Alert
    offset: int
    appended_ms: int


class Forward(NamedTuple):
    """An event for another patient, to append to the log: after a merge, or when it was in the wrong partition.

    `value`: the message to append. `event`: what it says.
    """

    patient_id: str
    value: bytes
    event: PatientEventType


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


def is_made_here(event: PatientEventType, value: bytes) -> bool:
    """Whether the event is not the one of the record: an undone merge sends a void of its own."""
    return isinstance(event, Void) and bool(from_json(value).get("event_id") != event.event_id)


def forwarded(event: PatientEventType, record: LogRecord) -> Forward:
    """The message to append to the log for an event that goes on to another patient.

    An event that is only redirected keeps every field, also those that this build does not use, and its log time.
    """
    if isinstance(event, Story) or record.value is None or is_made_here(event, record.value):
        return Forward(event.patient_id, event.model_dump_json(exclude_none=True).encode(), event)
    written = from_json(record.value) | {"patient_id": event.patient_id}
    if event.merged_from:
        written["merged_from"] = list(event.merged_from)
    appended_at = append_time(record)
    if written.get("received_at") is None and appended_at is not None:
        written["received_at"] = to_datetime(appended_at).isoformat()
    return Forward(event.patient_id, to_json(written, inf_nan_mode="null"), event)


def refusals(result: Refused | Judged) -> tuple[Refused, ...]:
    """Why a message, or a part of it, was not used. Empty: all of it was."""
    if isinstance(result, Refused):
        return (result,)
    return tuple(Refused(rejected.reason, rejected.detail) for rejected in result.step.rejected)


def dead_letters(result: Refused | Judged, payload: bytes | None, origin: Origin) -> tuple[DeadLetter, ...]:
    """One dead letter for each refusal."""
    return tuple(dead_letter(one.reason, one.detail, payload, origin) for one in refusals(result))
