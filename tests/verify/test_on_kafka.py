"""The commands against a real Kafka: a living system is believed, a falsified one is not; rows can be rebuilt."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agents.engine.changelog import EPOCH, MARKER, row_key
from agents.engine.partitioning import partition_of
from agents.platform.settings import Settings
from agents.verify.kafka_reader import KafkaReader
from agents.verify.kafka_writer import KafkaWriter
from schemas import topics
from schemas.heartbeats import is_heartbeat_of_build_0_1
from tests.chaos.bedside import Bedside
from tests.chaos.environment import environment
from tests.chaos.run import verify
from tests.chaos.supervisor import Supervised, ready

pytestmark = [pytest.mark.kafka, pytest.mark.slow]
Fresh = Callable[..., Settings]


def said(settings: Settings, *words: str) -> subprocess.CompletedProcess[str]:
    """What a command says and how it ends."""
    command = [sys.executable, "-m", "agents.cli.main", *words]
    return subprocess.run(command, env=environment(settings), capture_output=True, text=True, check=False)


def test_a_living_system_is_believed_and_a_falsified_one_is_not(kafka_settings: Fresh, tmp_path: Path) -> None:
    settings = kafka_settings(partitions=2, session_timeout_seconds=6.0)
    with Supervised("worker", tmp_path, settings) as worker:
        ready([worker])
        bedside = Bedside(settings)
        bedside.admit()
        bedside.fall_ill()
        verdict = verify(settings, 60)
        assert verdict["ok"], verdict
        assert (verdict["patients"], verdict["missing"], verdict["spurious"], verdict["lag"]) == (6, 0, 0, 0)
        refused = said(settings, "rebuild")
        assert (refused.returncode, refused.stdout) == (2, "")
        assert "workers are running" in refused.stderr
        assert refused.stderr.count("\n") == 1
        make_up_an_alert(settings)
        verdict = verify(settings, 60, show=False)
        assert verdict["breaches"] == {"alert_phantom": 1}, verdict
        assert "ann" not in json.dumps(verdict), "no patient unless asked"
    falsify_a_row(settings)
    assert verify(settings, 0)["state_mismatches"] == 1
    rebuilt = said(settings, "rebuild")
    assert rebuilt.returncode == 0, rebuilt.stderr
    assert json.loads(rebuilt.stdout)["differed"] == 1
    with Supervised("next", tmp_path, settings) as worker:
        ready([worker])
        bedside.get_worse()
        verdict = verify(settings, 60)
    assert verdict["breaches"] == {"alert_phantom": 1}, "the made-up alert stays; all else is right"


def make_up_an_alert(settings: Settings) -> None:
    """Somebody writes an alert that the log does not give."""
    topic = settings.topic(topics.ALERTS)
    brokers = KafkaReader(settings)
    partition = partition_of(b"ann", settings.partitions)
    *_, alert = (
        record
        for record in brokers.read(topic, partition, *brokers.bounds(topic)[partition])
        if not is_heartbeat_of_build_0_1(record.headers)
    )
    brokers.close()
    words: dict[str, Any] = json.loads(alert.value or b"") | {"alert_id": "made-up"}
    pen = KafkaWriter(settings)
    pen.write(topic, partition, alert.key, json.dumps(words).encode(), alert.headers)
    pen.confirm()


def falsify_a_row(settings: Settings) -> None:
    """One patient's row gets another's, with a marker as it was."""
    brokers, pen = KafkaReader(settings), KafkaWriter(settings)
    rows = {
        record.key: (partition, record)
        for partition, bounds in brokers.bounds(settings.changelog).items()
        for record in brokers.read(settings.changelog, partition, *bounds)
    }
    brokers.close()
    ann, ben = row_key("ann"), row_key("ben")
    partition = partition_of(b"ann", settings.partitions)
    headers = [(EPOCH, b"1000")]
    pen.write(settings.changelog, partition, ann, rows[ben][1].value, headers)
    marker = last_marker(settings, partition)
    pen.write(settings.changelog, partition, MARKER, marker, headers)
    pen.confirm()


def last_marker(settings: Settings, partition: int) -> bytes | None:
    """The marker in force."""
    brokers = KafkaReader(settings)
    bounds = brokers.bounds(settings.changelog)[partition]
    found = [r.value for r in brokers.read(settings.changelog, partition, *bounds) if r.key == MARKER]
    brokers.close()
    return found[-1]


@pytest.mark.parametrize("name", ["verify", "rebuild"])
def test_without_topics_one_line_says_what_to_do(kafka_settings: Fresh, name: str) -> None:
    settings = kafka_settings(topics=False)
    done = said(settings, name)
    assert (done.returncode, done.stdout) == (2, "")
    assert "crs-monitor topics" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("name", ["verify", "rebuild"])
def test_without_a_broker_one_line_says_so(name: str) -> None:
    settings = Settings(bootstrap_servers="127.0.0.1:1")
    done = said(settings, name)
    assert (done.returncode, done.stdout) == (2, "")
    assert "no broker answers" in done.stderr
    assert done.stderr.count("\n") == 1
