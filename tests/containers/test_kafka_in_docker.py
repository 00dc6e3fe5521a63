"""The tests' own Kafka as testcontainers starts it: the container that is meant, and workers killed beside it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.broker import IMAGE, Broker, Fresh
from tests.chaos.plans import WORKER_FAULTS, WORKER_LOAD, log_files
from tests.chaos.run import SESSION_SECONDS, chaos

pytestmark = [pytest.mark.containers, pytest.mark.timeout(300), pytest.mark.usefixtures("own_engine")]


def test_kafka_runs_in_a_container(kafka: Broker) -> None:
    assert kafka.description.endswith(f"in Docker ({IMAGE})")


def test_nothing_is_lost_when_workers_are_killed_beside_it(kafka_settings: Fresh, tmp_path: Path) -> None:
    settings = kafka_settings(session_timeout_seconds=SESSION_SECONDS, rebalance_timeout_seconds=15.0)
    report = chaos(settings, tmp_path, WORKER_LOAD, WORKER_FAULTS)
    assert report.ok, f"{report}; {log_files(tmp_path)}"
    assert report.verdict["events"] >= WORKER_LOAD.seconds * WORKER_LOAD.rate, "every event was judged"
    assert report.exits["killed"] >= 1
    assert report.exits["left"] >= 1
