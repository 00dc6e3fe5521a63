"""What a batch of the log resulted in: messages to send, rows that changed, counts; and what one judgement changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from pydantic_core import from_json, to_json

from agents.engine.patients import Judged
from agents.engine.records import LogRecord, append_time
from monitor.model import Oxygen
from monitor.step import SAME, PatientEventType
from monitor.units import LONG_AGO, to_datetime
from monitor.verdicts import Reason
from schemas.alerts import Alert
from schemas.dead_letters import DeadLetter
from schemas.system_records import Story

Disposition = Literal["applied", "duplicate", "late", "forwarded", "dead_letter", "tick", "skipped"]
# The verdicts that decide the disposition of an event; with none of them it was applied.
DISPOSITIONS: Mapping[Reason, Disposition] = {
    "duplicate": "duplicate",
    "late": "late",
    "too_late": "late",
    "forwarded": "forwarded",
    "merged": "forwarded",
    "from_the_future": "dead_letter",
    "defect": "dead_letter",
}


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


def disposition(judged: Judged) -> Disposition:
    """The disposition of an event, by the first of its verdicts that decides one."""
    if judged.step.verdicts is SAME:
        return "applied"
    for verdict in judged.step.verdicts:
        if verdict.reason in DISPOSITIONS:
            return DISPOSITIONS[verdict.reason]
    return "applied"


def clinically_changed(judged: Judged) -> bool:
    """Whether the patient's state should be published at once: an alert, or a change beyond another like reading."""
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
    """The patient's oxygen support, without the time at which it was charted."""
    return () if oxygen is None else (oxygen.device, oxygen.flow, oxygen.fio2)


def alert_delays(judged: Judged) -> tuple[list[int], list[tuple[str, int]]]:
    """ms from raising to acknowledgement, and (kind, ms) from raising to resolution, of alerts that got there now."""
    open_before = {alert.alert_id: alert for alert in judged.before.alerts.open}
    at = judged.step.state.clock
    acknowledged: list[int] = []
    resolved: list[tuple[str, int]] = []
    for alert in judged.step.alerts:
        before = open_before.get(alert.alert_id)
        if before is None:
            continue
        if alert.status == "resolved":
            resolved.append((before.kind, at - before.raised_at))
        elif alert.acknowledged_at is not None and before.acknowledged_at is None:
            acknowledged.append(at - before.raised_at)
    return acknowledged, resolved


def forwarded(event: PatientEventType, record: LogRecord) -> Forward:
    """The message to append to the log for an event that goes on to another patient.

    An event that is only redirected keeps every field, also those that this build does not use, and its log time.
    """
    if isinstance(event, Story) or record.value is None:
        return Forward(event.patient_id, event.model_dump_json(exclude_none=True).encode(), event)
    written = from_json(record.value) | {"patient_id": event.patient_id}
    appended_at = append_time(record)
    if written.get("received_at") is None and appended_at is not None:
        written["received_at"] = to_datetime(appended_at).isoformat()
    return Forward(event.patient_id, to_json(written, inf_nan_mode="null"), event)
