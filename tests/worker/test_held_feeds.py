"""An event of a new type waits in its feed until the worker of every partition reads it; nothing is lost.

Planted: notes are new, of log format 2.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from typing import Any, get_args

import pytest
from aiokafka import AIOKafkaProducer
from prometheus_client import REGISTRY

from agents.brokers.embedded import EmbeddedKafka
from agents.engine.partition import Partition
from agents.platform.settings import Settings
from agents.stream import metrics
from agents.stream.log_formats import LogFormats
from monitor.guidelines import in_force
from schemas import log_format
from schemas.assessments import Assessment
from schemas.heartbeats import Heartbeat, read_heartbeat
from schemas.system_records import SYSTEM_TYPES
from schemas.topics import EventType
from tests.worker.intake_setup import NOTES, PARTITIONS, Ward
from tests.worker.records import event

Story = Callable[["Ward"], Coroutine[Any, Any, None]]


def held(kind: str = "note") -> float | None:
    return REGISTRY.get_sample_value("crs_feed_held", {"topic": NOTES[0], "partition": "0", "type": kind})


@pytest.fixture(autouse=True)
def notes_are_new(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(log_format.SINCE, "note", 2)
    metrics.HELD.clear()


def run(story: Story) -> None:
    asyncio.run(story(Ward()))


def test_what_comes_before_goes_on_and_what_comes_after_waits_in_order(caplog: pytest.LogCaptureFixture) -> None:
    async def story(ward: Ward) -> None:
        for partition, reads in ((0, 2), (1, 2), (2, 1)):
            ward.heartbeat(partition, reads)
        await ward.take(0, "attribution", "note", "attribution")
        assert ward.log() == ["e0"]
        assert (ward.paused, ward.acknowledged, held()) == ({NOTES}, [], 1.0)
        await ward.take(3, "attribution")
        await ward.once_a_second()
        assert (ward.log(), ward.acknowledged) == (["e0"], [])
        assert ward.intake.next_offsets[NOTES] == 1, "so the lag of this feed grows"
        ward.heartbeat(2, 2)
        await ward.once_a_second()
        assert ward.log() == ["e0", "e1", "e2", "e3"]
        assert (ward.paused, ward.acknowledged, held()) == (set(), ["0:0", "0:3"], 0.0)

    with caplog.at_level(logging.INFO, logger="crs.intake"):
        run(story)
    assert [one.getMessage() for one in caplog.records] == [
        "crs.assessments/0 waits at 1: not every worker reads type note yet",
        "crs.assessments/0 goes on: every worker reads type note",
    ]


@pytest.mark.parametrize("reads", [(), (1,)])
def test_a_worker_of_a_build_that_says_nothing_or_less_holds_it(reads: tuple[int, ...]) -> None:
    async def story(ward: Ward) -> None:
        ward.heartbeat(0, *reads)
        ward.heartbeat(1, 2)
        ward.heartbeat(2, 2)
        await ward.take(0, "note")
        assert ward.log() == []
        ward.heartbeat(0, 2)
        await ward.once_a_second()
        assert ward.log() == ["e0"]

    run(story)


def test_a_partition_without_any_heartbeat_holds_it() -> None:
    async def story(ward: Ward) -> None:
        ward.heartbeat(0, 2)
        ward.heartbeat(1, 3)
        await ward.take(0, "note")
        assert ward.log() == []
        ward.heartbeat(2, 3)
        await ward.once_a_second()
        assert ward.log() == ["e0"], "a worker alone waits for its own first heartbeats, no longer"

    run(story)


def test_the_other_partitions_of_the_feed_go_on() -> None:
    async def story(ward: Ward) -> None:
        await ward.take(0, "note")
        await ward.take(7, "attribution", partition=1)
        assert (ward.log(), ward.acknowledged, ward.paused) == (["e7"], ["1:7"], {NOTES})

    run(story)


def test_a_second_new_event_behind_the_first_waits_in_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(log_format.SINCE, "attribution", 3)

    async def story(ward: Ward) -> None:
        await ward.take(0, "note", "attribution")
        for partition in range(PARTITIONS):
            ward.heartbeat(partition, 2)
        await ward.once_a_second()
        assert (ward.log(), ward.acknowledged) == (["e0"], [])
        for partition in range(PARTITIONS):
            ward.heartbeat(partition, 3)
        await ward.once_a_second()
        assert (ward.log(), ward.acknowledged) == (["e0", "e1"], ["0:0"])

    run(story)


def test_after_a_rebalance_nothing_waits_here_and_nothing_was_acknowledged() -> None:
    async def story(ward: Ward) -> None:
        await ward.take(0, "note")
        ward.intake.forget()
        assert (ward.paused, ward.acknowledged, held(), ward.intake.held.batches) == (set(), [], 0.0, {})
        for partition in range(PARTITIONS):
            ward.heartbeat(partition, 2)
        await ward.once_a_second()
        assert ward.log() == [], "its owner reads it again"
        await ward.take(0, "note")
        assert (ward.log(), ward.acknowledged) == (["e0"], ["0:0"])

    run(story)


def test_types_of_today_wait_for_nobody_and_read_no_heartbeats(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()

    async def story(ward: Ward) -> None:
        await ward.take(0, "note", "attribution")
        assert ward.log() == ["e0", "e1"]
        reading = asyncio.create_task(ward.formats.run())
        await ward.settle()
        assert not ward.formats._wanted.is_set(), "no further consumer"
        reading.cancel()

    run(story)


def test_every_type_has_its_log_format(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    kinds = {get_args(kind.model_fields["kind"].annotation)[0] for kind in get_args(get_args(Assessment)[0])}
    assert set(log_format.SINCE) == (set(get_args(EventType)) - {"assessment"}) | kinds | {"void", *SYSTEM_TYPES}
    assert max(log_format.SINCE.values()) == log_format.LOG_FORMAT
    assert min(log_format.SINCE.values()) == log_format.FIRST_LOG_FORMAT


def test_a_heartbeat_is_read_by_builds_that_know_more_or_less_of_it() -> None:
    value = {"partition": 1, "at": "2026-03-01T08:00:00Z"}
    newer = read_heartbeat(json.dumps(value | {"log_format": 9, "of_the_next_build": [1]}).encode())
    older = read_heartbeat(json.dumps(value).encode())
    assert isinstance(newer, Heartbeat)
    assert isinstance(older, Heartbeat)
    assert (newer.log_format, older.log_format) == (9, 1)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [({"type": "handover"}, "unknown_type"), ({"type": "assessment", "kind": "handover"}, "unknown_value")],
)
def test_an_event_of_an_unknown_type_in_the_log_is_a_dead_letter_and_not_skipped(
    fields: dict[str, Any], reason: str
) -> None:
    """A feed that writes to the log itself may not wait for the last worker."""
    kind = fields.pop("type")
    one = Partition(in_force.load("house"), 0, "crs.patient-events")
    written = event(0, kind, **fields)
    outcome = one.apply([written, event(1, "patient", weight_kg=70.0)])
    ((key, letter),) = outcome.letters
    assert (key, letter.reason, letter.offset, letter.original()) == (b"p1", reason, 0, written.value)
    assert outcome.dispositions == {"dead_letter": 1, "applied": 1}
    before = count(reason)
    metrics.count_outcome(outcome, 2, 0.01, "crs.patient-events", 0)
    assert count(reason) == before + 1, "counted: the alarm about dead letters rings"


def count(reason: str) -> float:
    labels = {"topic": "crs.patient-events", "reason": reason}
    return REGISTRY.get_sample_value("crs_dead_letters_total", labels) or 0.0


def test_heartbeats_are_read_from_the_last_one_of_each_partition_on() -> None:
    async def send(settings: Settings, partition: int, reads: int) -> None:
        value = Heartbeat(partition=partition, at=datetime.now(UTC), log_format=reads).model_dump_json().encode()
        async with AIOKafkaProducer(**settings.aiokafka(), acks="all") as producer:
            await producer.send_and_wait("crs.heartbeats", value, partition=partition)

    async def until(holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(60):
            while not holds():
                await asyncio.sleep(0.05)

    async def story(settings: Settings) -> None:
        for partition, reads in ((0, 1), (0, 2), (1, 2)):
            await send(settings, partition, reads)
        formats = LogFormats(settings)
        reading = asyncio.create_task(formats.run())
        assert not formats.all_read(2), "asked for, so reading begins"
        await until(lambda: formats.announced == {0: 2, 1: 2})
        assert not formats.all_read(2), "partition 2 has never had one"
        await send(settings, 2, 2)
        await until(lambda: formats.all_read(2))
        await send(settings, 1, 1)
        await until(lambda: not formats.all_read(2))
        reading.cancel()
        await asyncio.wait([reading])

    with EmbeddedKafka(PARTITIONS) as embedded:
        asyncio.run(story(embedded.settings()))
