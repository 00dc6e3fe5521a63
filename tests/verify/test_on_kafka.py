"""`verify` and `rebuild` against a real Kafka: correct data passes, falsified data is found, rows are rebuilt."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agents.engine.changelog import EPOCH, MARKER, row_key
from agents.engine.log_time import DOWN_AFTER_MS
from agents.engine.partitioning import partition_of
from agents.platform.settings import Settings
from agents.verify.kafka_reader import KafkaReader
from agents.verify.kafka_writer import KafkaWriter
from schemas import topics
from schemas.heartbeats import is_heartbeat_of_build_0_1
from tests.chaos.bedside import PATIENTS, Bedside
from tests.chaos.environment import environment
from tests.chaos.run import verify
from tests.chaos.supervisor import Supervised, ready
from tests.waiting import wait_until

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
        worker.kill()
    bedside.everyone("vitals", source="charted", systolic_mmhg=66)  # severe, and over before any worker sees it
    bedside.everyone("vitals", source="charted", systolic_mmhg=84)
    bedside.get_worse()
    waiting_since = time.monotonic()  # after the last event: on a busy machine sending takes seconds
    replace_row(settings)
    assert verify(settings, 0)["state_mismatches"] == 1
    rebuilt = wait_until(lambda: rebuilt_rows(settings), "the killed worker has left the group, and rows are rebuilt")
    assert rebuilt["differed"] == 1
    time.sleep(max(0.0, DOWN_AFTER_MS / 1000 + 2 - (time.monotonic() - waiting_since)))
    with Supervised("next", tmp_path, settings) as worker:
        ready([worker])
        verdict = verify(settings, 60)
        assert verdict["breaches"] == {"alert_phantom": 1}, "the foreign alert stays; everything else agrees"
        # Alerts about a backlog are raised by the first tick after it, some seconds later.
        wait_until(lambda: known_late(settings) == set(PATIENTS), "what came during the downtime is told as known late")
        wait_until(lambda: is_replayed(settings, tmp_path), "the replay gives the last published states", 90)


def known_late(settings: Settings) -> set[str]:
    """The patients with an alert about an event that had to wait for a worker."""
    alerts = (json.loads(alert) for alert in published(settings, topics.ALERTS))
    return {alert["patient_id"] for alert in alerts if "Known late" in alert["message"]}


def rebuilt_rows(settings: Settings) -> dict[str, Any] | None:
    """What `rebuild` reports; None: it refused, because a worker still counts as running."""
    result = run_command(settings, "rebuild")
    return json.loads(result.stdout) if result.returncode == 0 else None


def is_replayed(settings: Settings, directory: Path) -> bool:
    """Exports the log and replays it: alerts must be equal; gives whether the last published states are, too."""
    log, alerts, states = (str(directory / name) for name in ("log.ndjson", "alerts.ndjson", "states.ndjson"))
    exported = run_command(settings, "verify", "--export", log)
    assert exported.returncode == 1, "the foreign alert stays"
    assert "records of the log written to" in exported.stderr
    replayed = run_command(settings, "replay", "--from-log", log, "--alerts", alerts, "--state", states)
    assert replayed.returncode == 0, replayed.stderr
    assert sorted(Path(alerts).read_bytes().splitlines()) == sorted(published(settings, topics.ALERTS))
    last = {json.loads(state)["patient_id"]: state for state in published(settings, topics.PATIENT_STATE)}
    return Path(states).read_bytes().splitlines() == [last[patient_id] for patient_id in sorted(last)]


def published(settings: Settings, spec: topics.TopicSpec) -> list[bytes]:
    """The messages of a topic, each once, by partition and in order; without the alert that the test wrote."""
    reader, topic = KafkaReader(settings), settings.topic(spec)
    found = {
        record.value: None
        for partition, bounds in reader.bounds(topic).items()
        for record in reader.read(topic, partition, *bounds)
        if record.value is not None and b'"foreign"' not in record.value
    }
    reader.close()
    return list(found)


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
