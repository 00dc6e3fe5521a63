"""`verify` and `rebuild` against a real Kafka: correct data passes, falsified data is found, rows are rebuilt."""

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


def run_command(settings: Settings, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs a command; gives its output and exit code."""
    command = [sys.executable, "-m", "agents.cli.main", *arguments]
    return subprocess.run(command, env=environment(settings), capture_output=True, text=True, check=False)


def test_a_correct_system_passes_and_a_falsified_one_does_not(kafka_settings: Fresh, tmp_path: Path) -> None:
    settings = kafka_settings(partitions=2, session_timeout_seconds=6.0)
    with Supervised("worker", tmp_path, settings) as worker:
        ready([worker])
        bedside = Bedside(settings)
        bedside.admit()
        bedside.fall_ill()
        verdict = verify(settings, 60)
        assert verdict["ok"], verdict
        assert (verdict["patients"], verdict["missing"], verdict["spurious"], verdict["lag"]) == (6, 0, 0, 0)
        refused = run_command(settings, "rebuild")
        assert (refused.returncode, refused.stdout) == (2, "")
        assert "workers are running" in refused.stderr
        assert refused.stderr.count("\n") == 1
        write_foreign_alert(settings)
        verdict = verify(settings, 60, show=False)
        assert verdict["breaches"] == {"alert_phantom": 1}, verdict
        assert "ann" not in json.dumps(verdict), "without --show no patient id is printed"
    replace_row(settings)
    assert verify(settings, 0)["state_mismatches"] == 1
    rebuilt = run_command(settings, "rebuild")
    assert rebuilt.returncode == 0, rebuilt.stderr
    assert json.loads(rebuilt.stdout)["differed"] == 1
    with Supervised("next", tmp_path, settings) as worker:
        ready([worker])
        bedside.get_worse()
        verdict = verify(settings, 60)
    assert verdict["breaches"] == {"alert_phantom": 1}, "the foreign alert stays; everything else agrees"


def write_foreign_alert(settings: Settings) -> None:
    """Writes an alert that does not follow from the log."""
    topic = settings.topic(topics.ALERTS)
    reader = KafkaReader(settings)
    partition = partition_of(b"ann", settings.partitions)
    *_, alert = (
        record
        for record in reader.read(topic, partition, *reader.bounds(topic)[partition])
        if not is_heartbeat_of_build_0_1(record.headers)
    )
    reader.close()
    foreign: dict[str, Any] = json.loads(alert.value or b"") | {"alert_id": "foreign"}
    writer = KafkaWriter(settings)
    writer.write(topic, partition, alert.key, json.dumps(foreign).encode(), alert.headers)
    writer.confirm()


def replace_row(settings: Settings) -> None:
    """Replaces one patient's row by another's, and keeps the marker."""
    reader, writer = KafkaReader(settings), KafkaWriter(settings)
    rows = {
        record.key: (partition, record)
        for partition, bounds in reader.bounds(settings.changelog).items()
        for record in reader.read(settings.changelog, partition, *bounds)
    }
    reader.close()
    ann, ben = row_key("ann"), row_key("ben")
    partition = partition_of(b"ann", settings.partitions)
    headers = [(EPOCH, b"1000")]
    writer.write(settings.changelog, partition, ann, rows[ben][1].value, headers)
    marker = last_marker(settings, partition)
    writer.write(settings.changelog, partition, MARKER, marker, headers)
    writer.confirm()


def last_marker(settings: Settings, partition: int) -> bytes | None:
    """The last marker of a partition."""
    reader = KafkaReader(settings)
    bounds = reader.bounds(settings.changelog)[partition]
    found = [r.value for r in reader.read(settings.changelog, partition, *bounds) if r.key == MARKER]
    reader.close()
    return found[-1]


@pytest.mark.parametrize("name", ["verify", "rebuild"])
def test_without_topics_one_line_names_the_command(kafka_settings: Fresh, name: str) -> None:
    settings = kafka_settings(topics=False)
    done = run_command(settings, name)
    assert (done.returncode, done.stdout) == (2, "")
    assert "crs-monitor topics" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("name", ["verify", "rebuild"])
def test_without_a_broker_one_line_names_the_fault(name: str) -> None:
    settings = Settings(bootstrap_servers="127.0.0.1:1")
    done = run_command(settings, name)
    assert (done.returncode, done.stdout) == (2, "")
    assert "no broker answers" in done.stderr
    assert done.stderr.count("\n") == 1
