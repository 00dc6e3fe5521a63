"""Input for the system under test: a simulated ward, patients who fall ill, broken messages, acknowledgements."""

from __future__ import annotations

import json
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from confluent_kafka import Consumer, Message, Producer

from agents.platform.settings import Settings
from schemas.topics import ALERTS, ASSESSMENTS, VITALS
from tests.deploy.ill_patients import patients

PATIENTS, EVENTS_PER_SECOND, SECONDS = 40, 60, 3600
SIMULATE = ("--patients", str(PATIENTS), "--rate", str(EVENTS_PER_SECOND), "--duration", str(SECONDS), "--seed", "3")
ILL_EVERY_SECONDS = 0.7
BROKEN = (b"not json", b'{"patient_id": "p", "temperature_celsius": 1}')


class FeedSimulator(threading.Thread):
    """Sends until `end`. `ward`: the running `simulate` process, which is paused and resumed together with it."""

    def __init__(self, settings: Settings, connection: dict[str, Any], ward: subprocess.Popen[Any]) -> None:
        super().__init__(name="feed-simulator", daemon=True)
        self.ward = ward
        self.settings = settings
        self.producer = Producer(connection)
        self.alerts = Consumer(connection | {"group.id": "acknowledging", "auto.offset.reset": "earliest"})
        self.alerts.subscribe([self.settings.topic(ALERTS)])
        self.ended, self.running, self.idle = threading.Event(), threading.Event(), threading.Event()
        self.running.set()

    def run(self) -> None:
        """Sends one ill patient every 0.7 s with some broken messages, and acknowledges every alert that was raised."""
        ill, due_at = patients(), time.monotonic()
        while not self.ended.is_set():
            self.idle.set()
            if not self.running.wait(0.2):
                continue
            self.idle.clear()
            if time.monotonic() >= due_at:
                due_at = time.monotonic() + ILL_EVERY_SECONDS
                for topic, event in next(ill):
                    self.send(self.settings.topic(topic), event)
                for payload in BROKEN:
                    self.producer.produce(self.settings.topic(VITALS), payload, b"p")
            self.acknowledge(self.alerts.poll(0.2))
            self.producer.flush(5)
        self.alerts.close()

    def acknowledge(self, message: Message | None) -> None:
        """Acknowledges an alert that was just raised."""
        if message is None or message.error() is not None or message.key() is None:
            return
        alert = json.loads(message.value() or b"{}")
        if alert["status"] == "raised":
            self.send(self.settings.topic(ASSESSMENTS), acknowledgement(alert))

    def send(self, topic: str, event: dict[str, Any]) -> None:
        self.producer.produce(topic, json.dumps(event).encode(), event["patient_id"].encode())

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Sends nothing inside the context."""
        self.ward.send_signal(signal.SIGSTOP)
        self.running.clear()
        self.idle.clear()
        assert self.idle.wait(30), "the last message was not sent"
        try:
            yield
        finally:
            self.running.set()
            self.ward.send_signal(signal.SIGCONT)

    def end(self) -> None:
        self.ended.set()
        self.join(30)


def acknowledgement(alert: dict[str, Any]) -> dict[str, Any]:
    return {
        "event_id": f"answer-{alert['alert_id']}",
        "patient_id": alert["patient_id"],
        "effective_at": datetime.now(UTC).isoformat(),
        "kind": "acknowledge",
        "alert_id": alert["alert_id"],
        "by": "a nurse",
    }
