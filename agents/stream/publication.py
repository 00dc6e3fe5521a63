"""What a judged batch sends: alerts, forwarded events, dead letters, a heartbeat, and the states of patients."""

from __future__ import annotations

import asyncio
import logging
from functools import partial
from time import monotonic, time
from typing import Any

from agents.engine.log_time import append_time
from agents.engine.outcome import AlertFromRecord, Outcome
from agents.engine.partitioning import partition_of
from agents.engine.records import Appended
from agents.platform.settings import Settings
from agents.stream import metrics
from agents.stream.owned_partition import OwnedPartition
from agents.stream.producer import ConfirmedProducer
from monitor.guidelines.in_force import Guideline
from monitor.patient_view import view
from monitor.units import to_datetime
from schemas import log_format, topics
from schemas.heartbeats import HEARTBEAT_SECONDS, Heartbeat

STATES_CHECKED_SECONDS = 1.0

log = logging.getLogger("crs.watch")


class Publisher:
    """Passes messages to the producer, and keeps their confirmations in `OwnedPartition.unconfirmed`."""

    def __init__(self, settings: Settings, guideline: Guideline, producer: ConfirmedProducer) -> None:
        self.settings = settings
        self.guideline = guideline
        self.producer = producer
        self._log = settings.topic(topics.PATIENT_EVENTS)
        self._alerts = settings.topic(topics.ALERTS)
        self._states = settings.topic(topics.PATIENT_STATE)
        self._letters = settings.topic(topics.DEAD_LETTERS)
        self._heartbeats = settings.topic(topics.HEARTBEATS)

    async def publish(self, owned: OwnedPartition, outcome: Outcome) -> None:
        """Alerts first, then events for other patients, dead letters, and a heartbeat if a tick was judged."""
        for alert in outcome.alerts:
            await self._publish_alert(owned, alert)
        for forward in outcome.forwards:
            key = forward.patient_id.encode()
            there = partition_of(key, self.settings.partitions)
            owned.unconfirmed.append(await self.producer.send(self._log, forward.value, key, there))
        for letter in outcome.letters:
            owned.unconfirmed.append(await self.producer.send_letter(self._letters, letter.letter, letter.key))
        if outcome.dispositions["tick"] and monotonic() - owned.heartbeat_at >= HEARTBEAT_SECONDS:
            await self._publish_heartbeat(owned, outcome.ticked_at)

    async def publish_states(self, owned: OwnedPartition, outcome: Outcome) -> None:
        """States of patients who changed clinically at once, all others at most once in `state_seconds`."""
        at = monotonic()
        longest = self.settings.state_seconds
        due = list(outcome.changed)
        if at - owned.states_checked_at >= min(longest, STATES_CHECKED_SECONDS):
            owned.states_checked_at = at
            due += [
                patient_id
                for patient_id in owned.unpublished
                if patient_id not in outcome.changed and at - owned.published_at.get(patient_id, 0.0) >= longest
            ]
        for patient_id in due:
            owned.unpublished.pop(patient_id, None)
            owned.published_at[patient_id] = at
            owned.unconfirmed.append(await self._publish_state(owned, patient_id))

    async def _publish_alert(self, owned: OwnedPartition, caused: AlertFromRecord) -> None:
        alert = caused.alert
        owned.unconfirmed.append(
            await self.producer.send(
                self._alerts,
                # Without warnings: they would print values that only a newer build knows.
                alert.model_dump_json(warnings=False).encode(),
                alert.patient_id.encode(),
                owned.number,
                headers_of(caused, owned.number),
                partial(observe_latency, caused.appended_ms),
            )
        )
        metrics.ALERTS.labels(alert.kind, alert.priority, alert.status).inc()
        log_alert(caused, owned.number)

    async def _publish_heartbeat(self, owned: OwnedPartition, ticked_at: int) -> None:
        """Into the partition of the same number, so that a reader of the alerts can read the heartbeats beside them."""
        owned.heartbeat_at = monotonic()
        heartbeat = Heartbeat(partition=owned.number, at=to_datetime(ticked_at), log_format=log_format.LOG_FORMAT)
        value = heartbeat.model_dump_json().encode()
        owned.unconfirmed.append(await self.producer.send(self._heartbeats, value, None, owned.number))

    async def _publish_state(self, owned: OwnedPartition, patient_id: str) -> asyncio.Future[Any]:
        offset = owned.partition.positions[patient_id].log_offset
        state = view(self.guideline, owned.partition.state(patient_id), None, offset)
        metrics.STATES.inc()
        value = state.model_dump_json(warnings=False).encode()  # as for alerts
        return await self.producer.send(self._states, value, patient_id.encode(), owned.number)


def headers_of(caused: AlertFromRecord, partition: int) -> list[tuple[str, bytes]]:
    """Where in the log an alert comes from, and when that record was appended (ms since 1970, the broker's clock)."""
    return [
        ("log_partition", str(partition).encode()),
        ("log_offset", str(caused.offset).encode()),
        ("log_appended_ms", str(caused.appended_ms).encode()),
    ]


def observe_latency(appended_ms: int, appended: Appended) -> None:
    """From log append to alert append: by the broker's clock if the topic keeps it, otherwise by ours."""
    at = append_time(appended) or time() * 1000
    metrics.ALERT_LATENCY.observe(max(0.0, (at - appended_ms) / 1000))


def log_alert(caused: AlertFromRecord, partition: int) -> None:
    """One line for each version of an alert, without the patient."""
    alert = caused.alert
    log.info(
        "alert %s version=%d %s %s priority=%s rule=%s log=%d/%d",
        alert.alert_id,
        alert.version,
        alert.status,
        alert.kind,
        alert.priority,
        alert.rule.id,
        partition,
        caused.offset,
    )
