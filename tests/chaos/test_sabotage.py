"""Every guard is needed: with all of them a fault has no consequence, without the one against it `verify` objects."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, TopicPartition

from agents.platform.settings import Settings
from agents.verify.kafka_reader import KafkaReader
from schemas import topics
from tests.chaos.bedside import Bedside
from tests.chaos.run import verify
from tests.chaos.supervisor import Supervised, ready
from tests.waiting import wait_until

pytestmark = [pytest.mark.kafka, pytest.mark.slow, pytest.mark.by_turns]
Fresh = Callable[..., Settings]


@contextmanager
def sabotaged_worker(settings: Settings, directory: Path, fault: str, guard: str) -> Iterator[Supervised]:
    """A worker with an injected fault and one guard removed."""
    with Supervised("worker", directory, settings, ("-m", "tests.chaos.sabotage", fault, guard)) as worker:
        yield worker


def verdict_after(kafka_settings: Fresh, directory: Path, fault: str, guard: str) -> tuple[dict[str, Any], list[int]]:
    """The verdict of `verify` after the fault, and the exit codes of the worker."""
    settings = kafka_settings(partitions=2, checkpoint_seconds=0.0, session_timeout_seconds=6.0)
    bedside = Bedside(settings)
    with sabotaged_worker(settings, directory, fault, guard) as worker:
        ready([worker])
        bedside.admit()
        bedside.fall_ill()
        wait_until(lambda: happened(directory), f"{fault} happens; see {worker.log}")
        bedside.get_worse()
        verdict = verify(settings, 60)
    return verdict, worker.exits


def happened(directory: Path) -> bool:
    """Whether the fault has happened."""
    return any((directory / "worker").glob("happened-*"))


@pytest.mark.parametrize("fault", ["second-delivery", "death-between", "refused-alert"])
def test_with_every_guard_a_fault_has_no_consequence(kafka_settings: Fresh, tmp_path: Path, fault: str) -> None:
    verdict, exits = verdict_after(kafka_settings, tmp_path, fault, "none")
    assert verdict["ok"], verdict
    assert verdict["alerts"] >= 12, "six patients fell ill"
    assert exits == {"second-delivery": [], "death-between": [-9], "refused-alert": [70]}[fault]


def test_without_the_offset_guard_an_event_is_applied_twice(kafka_settings: Fresh, tmp_path: Path) -> None:
    verdict, _ = verdict_after(kafka_settings, tmp_path, "second-delivery", "offset-guard")
    assert not verdict["ok"]
    assert verdict["breaches"]["row_differs"] > 0, verdict


def test_with_rows_before_alerts_an_alert_is_lost(kafka_settings: Fresh, tmp_path: Path) -> None:
    verdict, _ = verdict_after(kafka_settings, tmp_path, "death-between", "order")
    assert not verdict["ok"]
    assert verdict["breaches"]["alert_missing"] > 0, verdict


def test_without_the_fail_stop_an_alert_is_lost(kafka_settings: Fresh, tmp_path: Path) -> None:
    verdict, exits = verdict_after(kafka_settings, tmp_path, "refused-alert", "fail-stop")
    assert not verdict["ok"]
    assert verdict["breaches"]["alert_missing"] > 0, verdict
    assert exits == [], "the worker went on"


@pytest.mark.parametrize("guard", ["none", "marker-seek"])
def test_a_commit_that_ran_ahead_of_the_rows_is_harmless_with_the_marker_seek_only(
    kafka_settings: Fresh, tmp_path: Path, guard: str
) -> None:
    settings = kafka_settings(partitions=2, checkpoint_seconds=60.0, session_timeout_seconds=6.0)
    bedside = Bedside(settings)
    with sabotaged_worker(settings, tmp_path, "none", "none") as worker:
        ready([worker])
        bedside.admit()
        bedside.fall_ill()
        wait_until(lambda: worker.logged(" raised onset ") >= 6, f"six onsets are raised; see {worker.log}")
        worker.kill()
    commit_to_the_end(settings)
    settings = settings.model_copy(update={"checkpoint_seconds": 0.0})
    with sabotaged_worker(settings, tmp_path, "none", guard) as worker:
        verdict = verify(settings, 60 if guard == "none" else 30)
    assert verdict["ok"] == (guard == "none"), verdict
    if guard != "none":
        assert verdict["lag"] > 0
        assert 70 in worker.exits, "the gap was seen, and stopped it"


def commit_to_the_end(settings: Settings) -> None:
    """Commits the log's end for the group, as can happen with a kill, whatever the rows hold."""
    log = settings.topic(topics.PATIENT_EVENTS)
    brokers = KafkaReader(settings)
    ends = [TopicPartition(log, partition, end) for partition, (_, end) in brokers.bounds(log).items()]
    wait_until(lambda: brokers.members(settings.group) == 0, "the dead worker is no longer a member")
    brokers.close()
    consumer = Consumer(settings.librdkafka() | {"group.id": settings.group, "enable.auto.commit": False})
    consumer.commit(offsets=ends, asynchronous=False)
    consumer.close()
