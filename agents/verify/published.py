"""Published alerts of one partition by digest, and the last published state of every patient."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import NamedTuple

from agents.verify.reader import StoredRecord
from schemas.heartbeats import is_heartbeat_of_build_0_1

DIGEST_BYTES = 16


class AlertVersion(NamedTuple):
    """One version of one alert."""

    alert_id: str
    version: int


@dataclass(slots=True)
class AlertMessage:
    """An alert as published. `log_offset`: the log record that caused it. `offset`: of its first copy in the topic."""

    name: AlertVersion
    patient_id: str
    log_offset: int
    digest: bytes
    offset: int
    times: int = 1
    matched: bool = False


class BadRecord(NamedTuple):
    """A message that is malformed or out of order. `offset`: in its topic."""

    offset: int
    log_offset: int | None
    detail: str


@dataclass(slots=True)
class PublishedAlerts:
    """The published alerts of one partition, in the order of their first copies."""

    partition: int
    messages: dict[tuple[int, bytes], AlertMessage] = field(default_factory=dict)
    named: dict[AlertVersion, AlertMessage] = field(default_factory=dict)
    unreadable: list[BadRecord] = field(default_factory=list)
    out_of_order: list[BadRecord] = field(default_factory=list)
    repeats: int = 0
    _last_log_offset: int = -1
    _versions: dict[str, int] = field(default_factory=dict)

    def take(self, record: StoredRecord) -> None:
        """Takes the next record of the topic."""
        if is_heartbeat_of_build_0_1(record.headers):
            return
        try:
            message = alert_message(record, self.partition)
        except (ValueError, TypeError, KeyError) as error:
            self.unreadable.append(BadRecord(record.offset, None, f"not an alert of this partition: {error}"))
            return
        known = self.messages.get((message.log_offset, message.digest))
        if known is not None:
            known.times += 1
            self.repeats += 1
            return
        self.messages[message.log_offset, message.digest] = message
        self.named.setdefault(message.name, message)
        self._check_order(message)

    def __iter__(self) -> Iterator[AlertMessage]:
        """The messages without their repeats."""
        return iter(self.messages.values())

    def _check_order(self, message: AlertMessage) -> None:
        """First copies must be in the order of the log records that caused them, and of the versions of an alert."""
        alert_id, version = message.name
        if message.log_offset < self._last_log_offset:
            late = BadRecord(
                message.offset, message.log_offset, "first published after an alert that a later record caused"
            )
            self.out_of_order.append(late)
        elif version < self._versions.get(alert_id, 0):
            late = BadRecord(
                message.offset, message.log_offset, "first published after a later version of the same alert"
            )
            self.out_of_order.append(late)
        self._last_log_offset = max(self._last_log_offset, message.log_offset)
        self._versions[alert_id] = max(version, self._versions.get(alert_id, 0))


def alert_message(record: StoredRecord, partition: int) -> AlertMessage:
    """A message from its record. Raises ValueError that names what is missing, without patient data."""
    origin = record.header("log_partition"), record.header("log_offset")
    if origin[0] is None or origin[1] is None:
        raise ValueError("no header names the log record that caused it")
    if int(origin[0]) != partition:
        raise ValueError("it is about another partition of the log")
    alert = json.loads(record.value or b"null")
    if not isinstance(alert, dict) or "alert_id" not in alert or "version" not in alert:
        raise ValueError("it has no alert_id and version")
    if record.key != str(alert.get("patient_id", "")).encode():
        raise ValueError("its key is not its patient id")
    name = AlertVersion(str(alert["alert_id"]), int(alert["version"]))
    return AlertMessage(name, str(alert["patient_id"]), int(origin[1]), digest_of(record.value or b""), record.offset)


def digest_of(payload: bytes) -> bytes:
    """A digest of a message, kept instead of its bytes to save memory."""
    return blake2b(payload, digest_size=DIGEST_BYTES).digest()


class PublishedState(NamedTuple):
    """A patient's state as published. `log_offset`: the last log record in it. `offset`: its own, in the topic."""

    log_offset: int
    offset: int
    payload: bytes


@dataclass(slots=True)
class PublishedStates:
    """The last published state of every patient below a marker. `beyond`: patients who have a later one as well."""

    marker: int
    last: dict[str, PublishedState] = field(default_factory=dict)
    beyond: set[str] = field(default_factory=set)
    unreadable: list[BadRecord] = field(default_factory=list)

    def take(self, record: StoredRecord) -> None:
        """Takes the next record of the topic."""
        if record.key is None:
            self.unreadable.append(BadRecord(record.offset, None, "a state without a patient"))
            return
        patient_id = record.key.decode(errors="replace")
        if record.value is None:
            self.last.pop(patient_id, None)
            return
        try:
            log_offset = int(json.loads(record.value)["log_offset"])
        except (ValueError, TypeError, KeyError):
            self.unreadable.append(BadRecord(record.offset, None, "a state without a log_offset"))
            return
        if log_offset >= self.marker:
            self.beyond.add(patient_id)
        else:
            self.last[patient_id] = PublishedState(log_offset, record.offset, record.value)
