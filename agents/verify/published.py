"""What the live system published about one partition: alerts by digest, and the last state of every patient."""

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
    """An alert as it lies in its topic. `offset`: its first appearance there."""

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
    """The alerts of one partition, in the order in which they appeared first."""

    partition: int
    messages: dict[tuple[int, bytes], AlertMessage] = field(default_factory=dict)
    named: dict[AlertVersion, AlertMessage] = field(default_factory=dict)
    unreadable: list[BadRecord] = field(default_factory=list)
    out_of_order: list[BadRecord] = field(default_factory=list)
    repeats: int = 0
    _furthest: int = -1
    _versions: dict[str, int] = field(default_factory=dict)

    def take(self, record: StoredRecord) -> None:
        """One more record of the topic."""
        if is_heartbeat_of_build_0_1(record.headers):
            return
        try:
            message = read(record, self.partition)
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
        """All different messages."""
        return iter(self.messages.values())

    def _check_order(self, message: AlertMessage) -> None:
        """What appears for the first time is caused by the same or a later record than all before; so are versions."""
        alert_id, version = message.name
        if message.log_offset < self._furthest:
            late = BadRecord(message.offset, message.log_offset, "first told after an alert that a later record caused")
            self.out_of_order.append(late)
        elif version < self._versions.get(alert_id, 0):
            late = BadRecord(message.offset, message.log_offset, "first told after a later version of the same alert")
            self.out_of_order.append(late)
        self._furthest = max(self._furthest, message.log_offset)
        self._versions[alert_id] = max(version, self._versions.get(alert_id, 0))


def read(record: StoredRecord, partition: int) -> AlertMessage:
    """A message from its record. Raises ValueError saying what it lacks, without its contents."""
    where = record.header("log_partition"), record.header("log_offset")
    if where[0] is None or where[1] is None:
        raise ValueError("no header says which log record caused it")
    if int(where[0]) != partition:
        raise ValueError("it is about another partition of the log")
    said = json.loads(record.value or b"null")
    if not isinstance(said, dict) or "alert_id" not in said or "version" not in said:
        raise ValueError("it has no alert_id and version")
    if record.key != str(said.get("patient_id", "")).encode():
        raise ValueError("its key is not its patient")
    name = AlertVersion(str(said["alert_id"]), int(said["version"]))
    return AlertMessage(name, str(said["patient_id"]), int(where[1]), digest_of(record.value or b""), record.offset)


def digest_of(payload: bytes) -> bytes:
    """What stands for the bytes of a message."""
    return blake2b(payload, digest_size=DIGEST_BYTES).digest()


class Published(NamedTuple):
    """A patient's state as published. `log_offset`: the last log record in it. `offset`: where it lies."""

    log_offset: int
    offset: int
    payload: bytes


@dataclass(slots=True)
class PublishedStates:
    """The last published state of every patient as of a marker, and who has a later one."""

    marker: int
    last: dict[str, Published] = field(default_factory=dict)
    beyond: set[str] = field(default_factory=set)
    unreadable: list[BadRecord] = field(default_factory=list)

    def take(self, record: StoredRecord) -> None:
        """One more record of the topic."""
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
            self.unreadable.append(BadRecord(record.offset, None, "a state that does not say its log_offset"))
            return
        if log_offset >= self.marker:
            self.beyond.add(patient_id)
        else:
            self.last[patient_id] = Published(log_offset, record.offset, record.value)
