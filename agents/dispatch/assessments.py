"""Builds and writes assessments: an acknowledgement or a snooze by a person becomes an event in the log."""

from __future__ import annotations

from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from schemas.assessments import Acknowledge, Snooze

SNOOZE_AT_MOST = timedelta(minutes=60)
LONGEST_NAME = 128
LONGEST_REASON = 500


def acknowledgement(alert_id: str, patient_id: str, by: str, at: datetime, source: str) -> Acknowledge:
    """`source` identifies the callback: one that is delivered twice gives one event."""
    return Acknowledge(
        kind="acknowledge",
        event_id=event_id("ack", alert_id, source),
        patient_id=patient_id,
        effective_at=at,
        alert_id=alert_id,
        by=by.strip()[:LONGEST_NAME] or "unknown",
    )


def snooze(alert_id: str, patient_id: str, until: datetime, at: datetime, reason: str, source: str) -> Snooze:
    """`until` is limited to an hour after `at`."""
    return Snooze(
        kind="snooze",
        event_id=event_id("snooze", alert_id, source),
        patient_id=patient_id,
        effective_at=at,
        alert_id=alert_id,
        until=min(until, at + SNOOZE_AT_MOST),
        reason=reason.strip()[:LONGEST_REASON] or None,
    )


def event_id(kind: str, alert_id: str, source: str) -> str:
    """The same callback gives the same event id."""
    return f"{kind}-{sha256(f'{alert_id}|{source}'.encode()).hexdigest()[:24]}"


class Assessments:
    """Writes to the assessments topic, keyed by patient."""

    def __init__(self, producer: Any, topic: str) -> None:
        self.producer = producer
        self.topic = topic

    async def publish(self, event: Acknowledge | Snooze) -> None:
        """Writes an event and waits until the brokers have confirmed it."""
        value = event.model_dump_json(exclude_none=True).encode()
        await self.producer.send_and_wait(self.topic, value, key=event.patient_id.encode())
