"""Finds the patient of an open alert in the patient-state topic, and writes an assessment (for `crs-monitor ack`)."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from agents.brokers.topic_reading import read_partition
from agents.dispatch.assessments import Assessments
from agents.platform.settings import Settings
from schemas import topics
from schemas.assessments import Acknowledge, Snooze


def alert_of(key: str) -> str:
    """The alert id in an incident key, which has a suffix for grade 3, grade 4 and repeats."""
    return key.partition(":")[0]


async def patient_of(settings: Settings, partitions: int, alert_id: str) -> str | None:
    """The patient with this open alert; None: no such alert is open."""
    topic = settings.topic(topics.PATIENT_STATE)
    reader: Any = AIOKafkaConsumer(enable_auto_commit=False, **settings.aiokafka())
    latest: dict[bytes, bytes] = {}

    def take(key: bytes, value: bytes | None) -> None:
        if value is not None and alert_id.encode() in value:
            latest[key] = value
        else:
            latest.pop(key, None)

    await reader.start()
    try:
        assigned = [TopicPartition(topic, number) for number in range(partitions)]
        reader.assign(assigned)
        for partition in assigned:
            await read_partition(reader, partition, take)
    finally:
        await reader.stop()
    return next((key.decode() for key, state in latest.items() if alert_id in open_alerts(state)), None)


def open_alerts(state: bytes) -> set[str]:
    """The ids of the open alerts in a patient-state value; empty when it cannot be read."""
    try:
        return {str(alert["alert_id"]) for alert in json.loads(state)["alerts"]}
    except (ValueError, KeyError, TypeError):
        return set()


async def publish(settings: Settings, event: Acknowledge | Snooze) -> None:
    """Writes one assessment and waits until the brokers have confirmed it."""
    producer: Any = AIOKafkaProducer(acks="all", **settings.aiokafka())
    await producer.start()
    try:
        await Assessments(producer, settings.topic(topics.ASSESSMENTS)).publish(event)
    finally:
        await producer.stop()


def now() -> datetime:
    """The wall clock."""
    return datetime.now(UTC)
