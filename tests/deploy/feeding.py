"""What comes into the system of a test: a simulated ward at speed, patients who fall ill, noise, and answers."""

from __future__ import annotations

import json
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from confluent_kafka import Consumer, Message, Producer

from schemas.topics import ALERTS, ASSESSMENTS, VITALS
from tests.deploy.illness import patients

if TYPE_CHECKING:
    from tests.deploy.system import System

PATIENTS, EVENTS_PER_SECOND, SECONDS = 40, 60, 3600
ILL_EVERY_SECONDS = 0.7
BROKEN = (b"not json", b'{"patient_id": "p", "temperature_celsius": 1}')


class Feeding(threading.Thread):
    """Goes on until it is stopped; may be hushed for a while."""

    def __init__(self, system: System) -> None:
        super().__init__(name="feeding", daemon=True)
        numbers = ["--patients", str(PATIENTS), "--rate", str(EVENTS_PER_SECOND), "--duration", str(SECONDS)]
        self.ward = system.ours("simulate", *numbers, "--seed", "3", port=False)
        self.settings = system.settings
        self.producer = Producer(system.connection())
        self.answering = Consumer(system.connection() | {"group.id": "answering", "auto.offset.reset": "earliest"})
        self.answering.subscribe([self.settings.topic(ALERTS)])
        self.ended, self.free, self.idle = threading.Event(), threading.Event(), threading.Event()
        self.free.set()

    def run(self) -> None:
        """Someone falls ill, something is broken, someone answers; again and again."""
        ill, due_at = patients(), time.monotonic()
        while not self.ended.is_set():
            self.idle.set()
            if not self.free.wait(0.2):
                continue
            self.idle.clear()
            if time.monotonic() >= due_at:
                due_at = time.monotonic() + ILL_EVERY_SECONDS
                for topic, event in next(ill):
                    self.send(self.settings.topic(topic), event)
                for payload in BROKEN:
                    self.producer.produce(self.settings.topic(VITALS), payload, b"p")
            self.answer(self.answering.poll(0.2))
            self.producer.flush(5)
        self.answering.close()

    def answer(self, message: Message | None) -> None:
        """Whoever raises an alert hears that it was seen."""
        if message is None or message.error() is not None or message.key() is None:
            return
        alert = json.loads(message.value() or b"{}")
        if alert["status"] == "raised":
            self.send(self.settings.topic(ASSESSMENTS), acknowledgement(alert))

    def send(self, topic: str, event: dict[str, Any]) -> None:
        self.producer.produce(topic, json.dumps(event).encode(), event["patient_id"].encode())

    @contextmanager
    def hushed(self) -> Iterator[None]:
        """Nothing comes in meanwhile."""
        self.ward.send_signal(signal.SIGSTOP)
        self.free.clear()
        self.idle.clear()
        assert self.idle.wait(30), "the last message was not sent"
        try:
            yield
        finally:
            self.free.set()
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
