"""A worker as its own process on a real Kafka: from a feed's message to alert and state, killed and started again."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest
from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition

from agents.engine.changelog import PartitionRows
from agents.platform.fail_stop import FENCED
from agents.platform.settings import Settings
from schemas import topics
from tests.broker import Fresh

pytestmark = pytest.mark.kafka
Found = TypeVar("Found")
BEGAN = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=30)


def environment(settings: Settings, data: Path, **more: str) -> dict[str, str]:
    return os.environ | {
        "KAFKA_BOOTSTRAP_SERVERS": settings.bootstrap_servers,
        "CRS_TOPIC_PREFIX": settings.topic_prefix,
        "CRS_PARTITIONS": str(settings.partitions),
        "CRS_DATA_DIR": str(data),
        "CRS_SESSION_TIMEOUT_SECONDS": "6",
        **more,
    }


@contextmanager
def worker(settings: Settings, data: Path, **more: str) -> Iterator[subprocess.Popen[bytes]]:
    """A running worker; killed at the end if it still runs."""
    data.mkdir(exist_ok=True)
    command = [sys.executable, "-m", "agents.cli.main", "worker"]
    with (data / "worker.log").open("ab") as log:
        process = subprocess.Popen(command, env=environment(settings, data, **more), stdout=log, stderr=log)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def failing(settings: Settings, data: Path, **more: str) -> tuple[int, str]:
    """Exit code and complaint of a worker that cannot start."""
    command = [sys.executable, "-m", "agents.cli.main", "worker"]
    env = environment(settings, data, **more)
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stderr


def watermarks(consumer: Consumer, there: TopicPartition) -> tuple[int, int]:
    """First offset and end of a partition; a new topic may have to be asked for more than once."""
    for _ in range(50):
        try:
            return consumer.get_watermark_offsets(there, timeout=10)  # type: ignore[no-any-return]
        except KafkaException:
            time.sleep(0.2)
    raise AssertionError(f"{there.topic} has no leader")


class Feeds:
    """Feeds and readers of one test."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.producer = Producer(settings.librdkafka())
        self.sent = 0

    def send(self, topic: topics.TopicSpec, minute: float, patient_id: str = "p1", **fields: Any) -> None:
        self.sent += 1
        at = (BEGAN + timedelta(minutes=minute)).isoformat()
        said = {"event_id": f"e{self.sent}", "patient_id": patient_id, "effective_at": at, "received_at": at} | fields
        self.producer.produce(self.settings.topic(topic), json.dumps(said), key=patient_id)
        self.producer.flush(10)

    def vitals(self, minute: float, patient_id: str = "p1", **signals: Any) -> None:
        self.send(topics.VITALS, minute, patient_id, source="charted", **signals)

    def read(self, name: str) -> list[Any]:
        """All that lies on a topic now."""
        given = self.settings.librdkafka() | {"group.id": "reader", "enable.auto.commit": False}
        given.pop("partitioner")
        consumer = Consumer(given)
        try:
            found: list[Any] = []
            for partition in range(self.settings.partitions):
                there = TopicPartition(name, partition)
                low, high = watermarks(consumer, there)
                consumer.assign([TopicPartition(name, partition, low)])
                while low < high:
                    for message in consumer.consume(1000, 1.0):
                        found.append(message)
                        low = message.offset() + 1
            return found
        finally:
            consumer.close()

    def alerts(self) -> list[dict[str, Any]]:
        """Alerts as told, heartbeats aside."""
        messages = self.read(self.settings.topic(topics.ALERTS))
        return [json.loads(message.value()) for message in messages if message.key() is not None]

    def state(self, patient_id: str = "p1") -> dict[str, Any]:
        """The last state of a patient."""
        messages = self.read(self.settings.topic(topics.PATIENT_STATE))
        said = [json.loads(message.value()) for message in messages if message.key() == patient_id.encode()]
        return said[-1] if said else {}


def eventually(look: Callable[[], Found], holds: Callable[[Found], bool], seconds: float = 40) -> Found:
    until = time.monotonic() + seconds
    while True:
        found = look()
        if holds(found) or time.monotonic() > until:
            assert holds(found), found
            return found
        time.sleep(0.3)


def kinds(alerts: list[dict[str, Any]], status: str = "raised") -> set[str]:
    return {alert["kind"] for alert in alerts if alert["status"] == status}


def test_from_a_feeds_message_to_alert_and_state(kafka_settings: Fresh, tmp_path: Path) -> None:
    settings = kafka_settings()
    feeds = Feeds(settings)
    with worker(settings, tmp_path) as process:
        feeds.send(topics.PATIENTS, 0, weight_kg=70, unit="4 West", age_years=54)
        # Feeds are read side by side: what is said on another one may come first.
        eventually(feeds.state, lambda said: "context" in said)
        feeds.vitals(1, temperature_celsius=38.6)
        feeds.vitals(2, systolic_mmhg=84)
        eventually(feeds.state, lambda said: said.get("grade") == 2)
        feeds.send(topics.MEDICATIONS, 3, drug="norepinephrine", action="started", rate=30, rate_unit="mcg/min")
        told = eventually(feeds.alerts, lambda alerts: any(a["grade"] == 3 for a in alerts))
        assert {"onset", "escalation", "dose_indicated", "step"} <= kinds(told)
        dose = next(alert for alert in told if alert["kind"] == "dose_indicated")
        assert dose["recommendation"]["dose_mg"] == 560
        state = eventually(feeds.state, lambda said: said.get("grade") == 3)
        assert (state["axes"]["hypotension"]["grade"], state["context"]["unit"]) == (3, "4 West")
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    log = (tmp_path / "worker.log").read_text()
    assert "p1" not in log
    assert "norepinephrine" not in log


def test_a_killed_worker_goes_on_where_it_was_and_says_nothing_twice(kafka_settings: Fresh, tmp_path: Path) -> None:
    settings = kafka_settings()
    feeds = Feeds(settings)
    with worker(settings, tmp_path) as process:
        feeds.vitals(1, temperature_celsius=38.6)
        eventually(feeds.alerts, lambda alerts: "onset" in kinds(alerts))
        process.kill()
    with worker(settings, tmp_path):
        feeds.vitals(2, systolic_mmhg=84)
        told = eventually(feeds.alerts, lambda alerts: "escalation" in kinds(alerts))
        state = eventually(feeds.state, lambda said: said.get("grade") == 2)
    assert state["onset_at"] == (BEGAN + timedelta(minutes=1)).isoformat().replace("+00:00", "Z")
    versions = {(alert["alert_id"], alert["version"]): json.dumps(alert) for alert in told}
    assert all(json.dumps(alert) == versions[alert["alert_id"], alert["version"]] for alert in told)
    held, ours = PartitionRows(), partition_with("p1", feeds)
    for message in feeds.read(settings.changelog):
        if message.partition() == ours:
            held.take(message.offset(), message.key(), message.value(), message.headers())
    assert held.decoded().keys() == {"p1"}
    assert held.epoch == 2, "the second worker claimed the partition"


def partition_with(patient_id: str, feeds: Feeds) -> int:
    log = feeds.read(feeds.settings.topic(topics.PATIENT_EVENTS))
    return int(next(message.partition() for message in log if message.key() == patient_id.encode()))


def test_time_alone_raises_an_alert(kafka_settings: Fresh, tmp_path: Path) -> None:
    settings = kafka_settings()
    feeds = Feeds(settings)
    with worker(settings, tmp_path):
        feeds.send(topics.VITALS, 1, temperature_celsius=38.6, source="monitor")
        told = eventually(feeds.alerts, lambda alerts: "signal_lost" in kinds(alerts))
    (lost,) = [alert for alert in told if alert["kind"] == "signal_lost"]
    assert lost["effective_at"] == (BEGAN + timedelta(minutes=16)).isoformat().replace("+00:00", "Z")


def test_a_paused_worker_ends_itself_and_leaves_the_patients_to_the_other(
    kafka_settings: Fresh, tmp_path: Path
) -> None:
    settings = kafka_settings()
    feeds = Feeds(settings)
    with worker(settings, tmp_path / "one") as paused:
        feeds.vitals(1, temperature_celsius=38.6)
        eventually(feeds.alerts, lambda alerts: "onset" in kinds(alerts))
        with worker(settings, tmp_path / "two"):
            paused.send_signal(signal.SIGSTOP)
            feeds.vitals(2, systolic_mmhg=84)
            eventually(feeds.alerts, lambda alerts: "escalation" in kinds(alerts), 60)
            paused.send_signal(signal.SIGCONT)
            assert paused.wait(10) == FENCED


def test_health_and_metrics_and_nothing_else_is_served(kafka_settings: Fresh, tmp_path: Path) -> None:
    settings = kafka_settings()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

    def asked(path: str) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError:
            return 0, ""

    feeds = Feeds(settings)
    with worker(settings, tmp_path, CRS_METRICS_PORT=str(port)):
        eventually(lambda: asked("/readyz"), lambda answer: answer[0] == 200)
        feeds.vitals(1, "Miss-Marple", temperature_celsius=38.6)
        feeds.producer.produce(settings.topic(topics.VITALS), b"{", key="Miss-Marple")
        feeds.producer.flush(10)
        _, said = eventually(lambda: asked("/metrics"), lambda answer: 'crs_alerts_total{kind="onset"' in answer[1])
        assert asked("/healthz") == (200, "ok\n")
        assert asked("/table/patients/Miss-Marple/")[0] == 404
        assert "Marple" not in said
        _, said = eventually(lambda: asked("/metrics"), lambda answer: 'reason="not_json"' in answer[1])
        assert 'crs_patients{grade="1",unit="unknown"} 1.0' in said
        assert failing(settings, tmp_path / "two", CRS_METRICS_PORT=str(port)) == (
            2,
            f"crs-monitor: port {port} on 127.0.0.1: Address already in use; choose another with --metrics-port\n",
        )


def test_what_people_meet_is_one_line_that_says_what_to_do(kafka_settings: Fresh, tmp_path: Path) -> None:
    missing = kafka_settings(topics=False)
    code, said = failing(missing, tmp_path)
    assert (code, said.count("\n")) == (2, 1)
    assert f"topic {missing.topic_prefix}vitals is missing; `crs-monitor topics` creates" in said
    there = kafka_settings()
    code, said = failing(there, tmp_path, CRS_PARTITIONS="3")
    assert (code, said.count("\n")) == (2, 1)
    assert "has 4 partitions, the settings say 3: set CRS_PARTITIONS" in said
    code, said = failing(there, tmp_path, CRS_REPLICATION_FACTOR="3")
    assert "has 1 copies, the settings ask for 3" in said
    code, said = failing(there, tmp_path, KAFKA_BOOTSTRAP_SERVERS="127.0.0.1:1")
    assert (code, said) == (
        2,
        "crs-monitor: 127.0.0.1:1: no broker answers; is Kafka running, and is KAFKA_BOOTSTRAP_SERVERS right?\n",
    )
    assert failing(there, tmp_path, CRS_PROFILE="homemade")[1] == (
        "crs-monitor: no profile 'homemade'; there are: astct-2019, house\n"
    )
