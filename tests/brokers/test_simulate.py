"""simulate: every event in the ledger is in Kafka exactly once, also after faults and after Ctrl-C."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import pytest
from aiokafka.partitioner import murmur2
from click.testing import CliRunner
from confluent_kafka import Consumer, TopicPartition

from agents.brokers.embedded import EmbeddedKafka
from agents.brokers.preflight import TopicDescription, describe_topics
from agents.cli.simulate import command
from agents.platform.settings import Settings
from schemas.topics import FEEDS
from tests.broker import Fresh
from tests.waiting import wait_until

pytestmark = pytest.mark.kafka
NOT_ENOUGH_REPLICAS = 19
MESSAGE_TOO_LARGE = 10
PRODUCE = 0

Place = tuple[str, int, int]


def arguments(settings: Settings, ledger: Path, *options: str) -> list[str]:
    """The command line after `simulate`."""
    where = ["--bootstrap-servers", settings.bootstrap_servers, "--topic-prefix", settings.topic_prefix]
    return [*where, "--patients", "20", "--ledger", str(ledger), *options]


def in_kafka(settings: Settings) -> dict[Place, tuple[bytes, dict[str, Any]]]:
    """Key and event of every record of the feed topics, by topic, partition and offset."""
    configuration = settings.librdkafka()
    del configuration["partitioner"]
    consumer = Consumer(configuration | {"group.id": "none", "fetch.wait.max.ms": 10})
    names = {settings.topic(feed) for feed in FEEDS}

    def described() -> dict[str, TopicDescription] | None:
        found = describe_topics(settings)
        return found if found.keys() >= names else None

    # A broker that has just started may not know the topics yet.
    topics = wait_until(described, "the feed topics at a broker")
    places = [TopicPartition(name, partition, 0) for name in names for partition in range(topics[name].partitions)]
    expected = sum(consumer.get_watermark_offsets(place, timeout=60)[1] for place in places)
    consumer.assign(places)
    found: dict[Place, tuple[bytes, dict[str, Any]]] = {}
    while len(found) < expected:
        record = consumer.poll(60)
        assert record is not None, f"{len(found)} of {expected} records within 60 s"
        assert record.error() is None
        key, value = record.key(), record.value()
        assert key is not None
        assert value is not None
        found[record.topic() or "", record.partition() or 0, record.offset() or 0] = (key, json.loads(value))
    consumer.close()
    return found


def in_ledger(ledger: Path) -> dict[Place, str]:
    """Event ids by place."""
    entries = [json.loads(line) for line in ledger.read_text().splitlines()]
    return {(entry["topic"], entry["partition"], entry["offset"]): entry["event_id"] for entry in entries}


def test_the_ledger_is_what_is_in_kafka(kafka_settings: Fresh, tmp_path: Path) -> None:
    settings, ledger = kafka_settings(), tmp_path / "ledger.ndjson"
    result = CliRunner().invoke(command, arguments(settings, ledger, "--rate", "500", "--duration", "4"))
    assert result.exit_code == 0, result.output
    found = in_kafka(settings)
    assert len(found) == 2000
    assert {place: event["event_id"] for place, (_, event) in found.items()} == in_ledger(ledger)
    topics = Counter(topic for topic, _, _ in found)
    assert topics[f"{settings.topic_prefix}vitals"] > topics[f"{settings.topic_prefix}patients"] >= 20


def test_a_patient_is_in_the_partition_that_a_java_producer_would_choose(kafka_settings: Fresh, tmp_path: Path) -> None:
    settings = kafka_settings()
    options = arguments(settings, tmp_path / "ledger.ndjson", "--rate", "200", "--duration", "1")
    assert CliRunner().invoke(command, options).exit_code == 0
    orders: dict[tuple[str, str], list[int]] = defaultdict(list)
    for (topic, partition, _), (key, event) in sorted(in_kafka(settings).items()):
        assert key.decode() == event["patient_id"]
        assert partition == (murmur2(key) & 0x7FFFFFFF) % settings.partitions
        assert "received_at" not in event, "intake stamps the time of arrival"
        if event.get("source") == "monitor":
            orders[topic, event["patient_id"]].append(int(event["event_id"].rpartition("-")[2]))
    assert all(order == sorted(set(order)) for order in orders.values())


def test_ctrl_c_ends_it_cleanly_with_a_complete_ledger(kafka_settings: Fresh, tmp_path: Path) -> None:
    settings, ledger = kafka_settings(), tmp_path / "ledger.ndjson"
    options = arguments(settings, ledger, "--rate", "300", "--duration", "600")
    process = subprocess.Popen(
        [sys.executable, "-m", "agents.cli.main", "simulate", *options],
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
    )
    wait_until(lambda: ledger.is_file() and ledger.stat().st_size > 0, "the first events in the ledger")
    process.send_signal(signal.SIGINT)
    _, output = process.communicate(timeout=60)
    assert process.returncode == 0, output
    assert "stopped early" in output
    assert {place: event["event_id"] for place, (_, event) in in_kafka(settings).items()} == in_ledger(ledger)


def test_a_passing_fault_of_the_broker_loses_and_doubles_nothing(tmp_path: Path) -> None:
    ledger = tmp_path / "ledger.ndjson"
    with EmbeddedKafka() as embedded:
        embedded.errors(PRODUCE, *[NOT_ENOUGH_REPLICAS] * 3)
        settings = embedded.settings()
        result = CliRunner().invoke(command, arguments(settings, ledger, "--rate", "200", "--duration", "1"))
        assert result.exit_code == 0, result.output
        found = in_kafka(settings)
    assert {place: event["event_id"] for place, (_, event) in found.items()} == in_ledger(ledger)
    assert len(found) == 200


def test_what_a_broker_refuses_is_reported_and_not_in_the_ledger(tmp_path: Path) -> None:
    ledger = tmp_path / "ledger.ndjson"
    with EmbeddedKafka() as embedded:
        embedded.errors(PRODUCE, *[MESSAGE_TOO_LARGE] * 1000)
        result = CliRunner().invoke(command, arguments(embedded.settings(), ledger, "--rate", "50", "--duration", "1"))
        kept = in_kafka(embedded.settings())
    assert result.exit_code == 1
    assert "events were not accepted" in result.output
    assert "Traceback" not in result.output
    assert {place: event["event_id"] for place, (_, event) in kept.items()} == in_ledger(ledger)
    assert len(kept) < 50


def test_missing_topics_and_a_ledger_that_cannot_be_written_are_one_line(kafka_settings: Fresh, tmp_path: Path) -> None:
    without = kafka_settings(topics=False)
    result = CliRunner().invoke(command, arguments(without, tmp_path / "ledger.ndjson"))
    assert result.exit_code == 2
    assert "vitals is missing; `crs-monitor topics` creates" in result.output
    settings = kafka_settings()
    process = subprocess.run(
        [
            *[sys.executable, "-m", "agents.cli.main", "simulate"],
            *arguments(settings, tmp_path / "no" / "such" / "directory"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 2
    assert process.stderr.count("\n") == 1
    assert "No such file or directory" in process.stderr


def test_the_signal_handlers_are_restored_afterwards(tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    with EmbeddedKafka() as embedded:
        options = arguments(embedded.settings(), tmp_path / "ledger.ndjson", "--rate", "50", "--duration", "0.1")
        assert CliRunner().invoke(command, options).exit_code == 0
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (["--speed-up", "10"], "--speed-up is for recorded stays"),
        (["--stdout", "--ledger", "x"], "--ledger says what brokers have accepted"),
        (["--stdout", "--start", "yesterday"], "expected ISO 8601"),
        (["--stdout", "--start", "2026-05-01T08:00:00"], "say the offset too"),
        (["--stdout", "--clif", "/nonexistent"], "/nonexistent"),
    ],
)
def test_options_that_contradict_each_other_are_refused(options: list[str], complaint: str) -> None:
    result = CliRunner().invoke(command, options)
    assert result.exit_code == 2
    assert complaint in result.output


def test_standard_output_is_the_same_for_the_same_seed() -> None:
    options = ["--stdout", "--rate", "100", "--duration", "2", "--start", "2026-05-01T08:00:00Z"]
    first, second = (CliRunner().invoke(command, options).stdout for _ in range(2))
    assert first == second
    assert len(first.splitlines()) == 200
    assert json.loads(first.splitlines()[0])["received_at"] == "2026-05-01T08:00:00.000+00:00"
