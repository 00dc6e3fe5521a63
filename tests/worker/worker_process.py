"""A worker as a process, and the feeds and readers of a test on a real Kafka."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition

from agents.engine.changelog import PartitionRows
from agents.engine.partitioning import partition_of
from agents.platform.settings import Settings
from schemas import topics
from tests.waiting import wait_until

Found = TypeVar("Found")
LEAVE_SECONDS = 120  # a busy machine takes its time
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
def worker(
    settings: Settings, data: Path, *, module: str = "agents.cli.main", **more: str
) -> Iterator[subprocess.Popen[bytes]]:
    """A running worker; killed at the end if it still runs. `module`: of a build with something planted."""
    data.mkdir(exist_ok=True)
    command = [sys.executable, "-m", module, *(["worker"] if module == "agents.cli.main" else [])]
    with (data / "worker.log").open("ab") as log:
        process = subprocess.Popen(command, env=environment(settings, data, **more), stdout=log, stderr=log)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def refused(settings: Settings, data: Path, **more: str) -> tuple[int, str]:
    """Exit code and error text of a worker that cannot start."""
    command = [sys.executable, "-m", "agents.cli.main", "worker"]
    env = environment(settings, data, **more)
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=LEAVE_SECONDS, check=False)
    return done.returncode, done.stderr


def watermarks(consumer: Consumer, there: TopicPartition) -> tuple[int, int]:
    """First offset and end of a partition; a new topic may have to be asked for more than once."""

    def ask() -> tuple[int, int] | None:
        try:
            return consumer.get_watermark_offsets(there, timeout=10)
        except KafkaException:
            return None

    return wait_until(ask, f"{there.topic} has a leader")


class Feeds:
    """Sends to the feed topics, and reads what lies on the others."""

    def __init__(self, settings: Settings, **options: Any) -> None:
        """`options`: further settings of the producer."""
        self.settings = settings
        self.producer = Producer(settings.librdkafka() | options)
        self.sent = 0

    def send(self, topic: topics.TopicSpec, minute: float, patient_id: str = "p1", **fields: Any) -> None:
        self.sent += 1
        at = (BEGAN + timedelta(minutes=minute)).isoformat()
        event = {"event_id": f"e{self.sent}", "patient_id": patient_id, "effective_at": at, "received_at": at} | fields
        self.producer.produce(self.settings.topic(topic), json.dumps(event), key=patient_id)
        assert self.producer.flush(60) == 0, "the brokers have it"

    def vitals(self, minute: float, patient_id: str = "p1", **signals: Any) -> None:
        self.send(topics.VITALS, minute, patient_id, source="charted", **signals)

    def read(self, name: str) -> list[Any]:
        """All messages of a topic, as far as it goes now."""
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
                        offset = message.offset()
                        assert offset is not None
                        low = offset + 1
            return found
        finally:
            consumer.close()

    def alerts(self) -> list[dict[str, Any]]:
        """Every message of the alerts topic."""
        return [json.loads(message.value()) for message in self.read(self.settings.topic(topics.ALERTS))]

    def rows(self, patient_id: str = "p1") -> PartitionRows:
        """Rows and marker of the patient's partition."""
        rows, ours = PartitionRows(), partition_of(patient_id.encode(), self.settings.partitions)
        for message in self.read(self.settings.changelog):
            if message.partition() == ours:
                rows.take(message.offset(), message.key(), message.value(), message.headers())
        return rows

    def state(self, patient_id: str = "p1") -> dict[str, Any]:
        """The last state of a patient."""
        messages = self.read(self.settings.topic(topics.PATIENT_STATE))
        states = [json.loads(message.value()) for message in messages if message.key() == patient_id.encode()]
        return states[-1] if states else {}


def eventually(look: Callable[[], Found], holds: Callable[[Found], bool], seconds: float = 120) -> Found:
    """Looks until what is seen holds, and gives it. Raises AssertionError with what was seen last."""
    seen: list[Found] = []

    def matches() -> bool:
        seen[:] = [look()]
        return holds(seen[0])

    try:
        wait_until(matches, "the state is as expected", seconds)
    except AssertionError as error:
        raise AssertionError(f"{error}; last: {seen[0]}") from error
    return seen[0]


def kinds(alerts: list[dict[str, Any]], status: str = "raised") -> set[str]:
    return {alert["kind"] for alert in alerts if alert["status"] == status}
