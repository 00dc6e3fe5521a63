"""A dispatcher as a process, and a writer of the alerts, states and heartbeats that it reads."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from hashlib import blake2s
from pathlib import Path
from typing import Any, TypeVar

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition

from agents.brokers import topic_specs
from agents.platform.settings import Settings
from schemas import topics
from schemas.alerts import Alert, Rule
from schemas.heartbeats import HEADER_OF_BUILD_0_1, Heartbeat

T = TypeVar("T")
Headers = list[tuple[str, str | bytes | None]]
SECRET = "a-secret-that-only-tests-know"
TOKEN = "a-token-that-only-tests-know"
SIGNING = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
ROUTING_KEY = "a-routing-key-of-tests"
HOOK_SECRET = "a-hook-secret-of-tests"
# In every alert that tests write; must never be in a page, a log or a metric.
CANARY_DRUG = "tocilizumab"
CANARY_VALUE = 41.7
ENVIRONMENT = {
    "CRS_TEST_REFERENCE": SECRET,
    "CRS_TEST_TOKEN": TOKEN,
    "CRS_TEST_SIGNING": SIGNING,
    "CRS_TEST_ROUTING_KEY": ROUTING_KEY,
    "CRS_TEST_HOOK_SECRET": HOOK_SECRET,
}


def alert_id(patient_id: str, name: str) -> str:
    """An opaque id, like those of the engine."""
    return blake2s(f"{patient_id}|{name}".encode(), digest_size=12).hexdigest()


def alert(patient_id: str, name: str, version: int = 1, status: str = "raised", **given: Any) -> Alert:
    """One version of one alert, with patient data in its title and message."""
    now = datetime.now(UTC)
    fields: dict[str, Any] = {
        "kind": "escalation",
        "priority": "high",
        "grade": 2,
        "effective_at": now,
        "raised_at": now,
    } | given
    return Alert(
        alert_id=alert_id(patient_id, name),
        version=version,
        status=status,  # type: ignore[arg-type]
        patient_id=patient_id,
        episode=1,
        previous_grade=1,
        astct_grade=2,
        title=f"{patient_id} has {CANARY_VALUE} and got {CANARY_DRUG}",
        message=f"Give {CANARY_DRUG} to {patient_id}: {CANARY_VALUE}",
        rule=Rule(id="escalation", profile="house", profile_version="1", source="test"),
        **fields,
    )


class WatchWriter:
    """Writes to the topics as watch does."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.producer = Producer(settings.librdkafka() | {"acks": "all", "linger.ms": 0})

    def alerts(self, *alerts: Alert) -> None:
        """Appends versions of alerts, in order, and waits for the brokers."""
        topic = self.settings.topic(topics.ALERTS)
        for one in alerts:
            stamp = str(int(time.time() * 1000)).encode()
            headers: list[tuple[str, str | bytes | None]] = [
                ("log_offset", b"1"),
                ("log_partition", b"0"),
                ("log_appended_ms", stamp),
            ]
            self.producer.produce(topic, one.model_dump_json().encode(), one.patient_id.encode(), headers=headers)
        assert self.producer.flush(20) == 0

    def location(self, patient_id: str, unit: str, bed: str) -> None:
        """Writes a state with the location of a patient."""
        state = {"patient_id": patient_id, "context": {"unit": unit, "bed": bed}}
        topic = self.settings.topic(topics.PATIENT_STATE)
        self.producer.produce(topic, json.dumps(state).encode(), patient_id.encode())
        assert self.producer.flush(20) == 0

    def open_alert(self, patient_id: str, name: str) -> None:
        """Writes a state with an open alert."""
        state = {"patient_id": patient_id, "context": {}, "alerts": [{"alert_id": alert_id(patient_id, name)}]}
        topic = self.settings.topic(topics.PATIENT_STATE)
        self.producer.produce(topic, json.dumps(state).encode(), patient_id.encode())
        assert self.producer.flush(20) == 0

    def heartbeat(self, partition: int) -> None:
        """Writes a heartbeat of one partition."""
        value = Heartbeat(partition=partition, at=datetime.now(UTC)).model_dump_json().encode()
        self.producer.produce(self.settings.topic(topics.HEARTBEATS), value, partition=partition)
        assert self.producer.flush(20) == 0

    def heartbeats(self) -> None:
        """Writes a heartbeat of every partition."""
        for partition in range(self.settings.partitions):
            self.heartbeat(partition)


class WatchWriter01(WatchWriter):
    """Writes as watch of build 0.1 does: heartbeats are on the alerts topic."""

    def heartbeat(self, partition: int) -> None:
        """Writes a heartbeat of one partition."""
        value = json.dumps({"heartbeat": partition, "at": datetime.now(UTC).isoformat()}).encode()
        topic = self.settings.topic(topics.ALERTS)
        self.producer.produce(topic, value, partition=partition, headers=[HEADER_OF_BUILD_0_1])
        assert self.producer.flush(20) == 0


def read_all(settings: Settings, topic: str) -> list[tuple[bytes | None, bytes | None]]:
    """Key and value of every record on a topic."""
    consumer = Consumer(settings.librdkafka() | {"group.id": "reader", "enable.auto.commit": False})
    try:
        listed = consumer.list_topics(topic, timeout=10).topics[topic].partitions
        found = []
        for partition in listed:
            low, high = watermarks(consumer, TopicPartition(topic, partition))
            consumer.assign([TopicPartition(topic, partition, low)])
            position = low
            while position < high:
                record = consumer.poll(5)
                assert record is not None, f"no record from {topic} {partition}"
                assert record.error() is None
                offset = record.offset()
                assert offset is not None
                position = offset + 1
                found.append((record.key(), record.value()))
        return found
    finally:
        consumer.close()


def with_heartbeats(beat: Callable[[], None], condition: Callable[[], T]) -> Callable[[], T]:
    """The condition, each time after another heartbeat and a moment for its effect."""

    def asked() -> T:
        beat()
        time.sleep(0.3)
        return condition()

    return asked


def watermarks(consumer: Consumer, at: TopicPartition) -> tuple[int, int]:
    """First offset and end of a partition; a new topic may not have a leader yet."""
    for _ in range(50):
        try:
            low, high = consumer.get_watermark_offsets(at, timeout=10)
        except KafkaException:
            time.sleep(0.2)
        else:
            return low, high
    raise AssertionError(f"{at.topic} has no leader")


def assessments(settings: Settings, number: int = 1, seconds: float = 60.0) -> list[Any]:
    """The assessments on their topic, once there are so many."""
    until = time.monotonic() + seconds
    while True:
        found = [json.loads(value) for _, value in read_all(settings, settings.topic(topics.ASSESSMENTS)) if value]
        if len(found) >= number or time.monotonic() > until:
            return found
        time.sleep(0.2)


def rows(settings: Settings) -> dict[str, Any]:
    """The stored cases: the latest row of each alert."""
    latest: dict[str, Any] = {}
    for key, value in read_all(settings, topic_specs.delivered_topic(settings)):
        if key is not None:
            latest[key.decode()] = None if value is None else json.loads(value)
    return latest


def config_text(destinations: str, default: str, more: str = "", timing: str = "") -> str:
    """The text of a configuration file with these destinations."""
    return f"""
[dispatch]
reference_secret = {{ env = "CRS_TEST_REFERENCE" }}
default = {default}
link = "https://board.example/alert/{{alert_id}}"
{timing}
{destinations}
{more}
"""


@contextmanager
def dispatcher(settings: Settings, config: Path, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """A running `crs-monitor dispatch`; its log is beside its configuration."""
    process = start(settings, config, *arguments)
    try:
        yield process
    finally:
        stop(process)


def start(settings: Settings, config: Path, *arguments: str, session_seconds: int = 10) -> subprocess.Popen[bytes]:
    """Starts one. All output goes to one file, also of later starts."""
    command = [sys.executable, "-m", "agents.cli.main", "dispatch", "--config", str(config)]
    environment = (
        os.environ
        | ENVIRONMENT
        | {
            "KAFKA_BOOTSTRAP_SERVERS": settings.bootstrap_servers,
            "CRS_TOPIC_PREFIX": settings.topic_prefix,
            "CRS_PARTITIONS": str(settings.partitions),
            "CRS_SESSION_TIMEOUT_SECONDS": str(session_seconds),
        }
    )
    with (config.parent / "log").open("ab") as log:
        return subprocess.Popen([*command, *arguments], env=environment, stdout=log, stderr=log)


def stop(process: subprocess.Popen[bytes], how: int = signal.SIGTERM) -> int:
    """Ends one and returns its exit code."""
    with suppress(ProcessLookupError):
        process.send_signal(how)
    try:
        return process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        raise
