"""Heartbeats from their own topic: what counts, what is ignored, and where reading begins."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import pytest
from aiokafka import TopicPartition

from agents.dispatch.heartbeat_monitor import HeartbeatMonitor
from agents.dispatch.heartbeat_reader import HeartbeatReader
from agents.dispatch.topic_follower import TopicFollower
from schemas.heartbeats import Heartbeat
from tests.dispatch.test_alert_consumer import paging

TEN = datetime(2026, 3, 4, 10, tzinfo=UTC)
TOPIC = "crs.heartbeats"


class Record(NamedTuple):
    """As a consumer gives it."""

    value: bytes | None
    partition: int = 0
    offset: int = 0


def heartbeat(partition: int) -> bytes:
    return Heartbeat(partition=partition, at=datetime.now(UTC)).model_dump_json().encode()


def counts(record: Record, reads: Callable[[int], bool] = lambda partition: True) -> bool:
    """Whether all partitions are alive after this record; partition 0 is the only one that is assigned."""
    machine = paging(0)
    HeartbeatReader(machine, reads).take(record)
    return machine.all_alive(datetime.now(UTC))


def test_a_heartbeat_of_an_assigned_partition_counts() -> None:
    assert counts(Record(heartbeat(0)))


def test_the_field_name_of_build_0_1_is_accepted() -> None:
    assert counts(Record(b'{"heartbeat": 0, "at": "2026-03-04T10:00:00Z"}'))


OF_ANOTHER = b'{"partition": 1, "at": "2026-03-04T10:00:00Z"}'


@pytest.mark.parametrize("value", [None, b"", b"{", b"[]", b'{"partition": 0}', OF_ANOTHER])
def test_a_record_that_is_no_heartbeat_of_its_partition_does_not_count(value: bytes | None) -> None:
    assert not counts(Record(value))


def test_a_heartbeat_of_a_partition_of_another_dispatcher_is_ignored() -> None:
    assert not counts(Record(heartbeat(1), partition=1))


def test_a_heartbeat_does_not_count_while_the_alerts_of_its_partition_are_not_being_read() -> None:
    assert not counts(Record(heartbeat(0)), lambda partition: partition != 0)


class FakeConsumer:
    """A partition that holds the offsets 0 to 9, and gets more while it is read."""

    def __init__(self) -> None:
        self.end = 10
        self.positions: dict[TopicPartition, int] = {}

    async def start(self) -> None:
        pass

    async def stop(self) -> None:
        pass

    def assign(self, partitions: list[TopicPartition]) -> None:
        self.positions = dict.fromkeys(partitions, 0)

    def seek(self, partition: TopicPartition, offset: int) -> None:
        self.positions[partition] = offset

    async def getmany(self, timeout_ms: int) -> dict[TopicPartition, list[Any]]:
        await asyncio.sleep(0.001)
        batches = {
            partition: [Record(None, partition.partition, offset) for offset in range(position, self.end)]
            for partition, position in self.positions.items()
        }
        self.positions = dict.fromkeys(self.positions, self.end)
        return batches


def test_reading_begins_where_the_topic_ended_when_the_partition_was_assigned() -> None:
    """Heartbeats from before the start must not count."""

    async def play() -> None:
        consumer = FakeConsumer()
        follower = TopicFollower(TOPIC, lambda: consumer, lambda record: read.append((record.partition, record.offset)))
        task = asyncio.create_task(follower.run())
        follower.follow(3, consumer.end)
        await asyncio.sleep(0.02)
        assert read == []
        consumer.end = 12
        await asyncio.sleep(0.02)
        assert read == [(3, 10), (3, 11)]
        follower.follow(4, 12)  # another partition comes: nothing is read twice
        await asyncio.sleep(0.02)
        consumer.end = 13
        await asyncio.sleep(0.02)
        assert sorted(read[2:]) == [(3, 12), (4, 12)]
        follower.unfollow([3])
        await asyncio.sleep(0.02)
        consumer.end = 14
        await asyncio.sleep(0.02)
        assert read[4:] == [(4, 13)]
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    read: list[tuple[int, int]] = []
    asyncio.run(play())


def test_a_batch_that_was_fetched_before_a_rebalance_is_not_taken() -> None:
    read: list[int] = []
    follower = TopicFollower(TOPIC, FakeConsumer, lambda record: read.append(record.offset))
    batch = {follower.partition(0): [Record(None, 0, offset) for offset in range(8, 12)]}
    follower.follow(0, 10)
    follower._take_all(batch)
    assert read == [10, 11]
    follower.unfollow([0])
    follower._take_all(batch)
    assert read == [10, 11]


def test_both_sides_of_ninety_seconds() -> None:
    monitor = HeartbeatMonitor(timedelta(seconds=90))
    monitor.assigned(0, TEN)
    assert not monitor.all_alive(TEN)  # no heartbeat since the assignment
    monitor.received(0, TEN)
    assert monitor.all_alive(TEN + timedelta(seconds=90))
    assert monitor.silent(TEN + timedelta(seconds=90)) == []
    assert monitor.silent(TEN + timedelta(seconds=91)) == [0]
    assert not monitor.all_alive(TEN + timedelta(seconds=91))


def test_a_partition_that_comes_back_needs_a_new_heartbeat() -> None:
    monitor = HeartbeatMonitor(timedelta(seconds=90))
    monitor.assigned(0, TEN)
    monitor.received(0, TEN)
    monitor.revoked([0])
    assert not monitor.all_alive(TEN)  # there is no partition
    monitor.received(0, TEN)
    assert monitor.partitions == frozenset()
    monitor.assigned(0, TEN)
    assert not monitor.all_received


def test_without_a_limit_no_partition_is_ever_silent() -> None:
    monitor = HeartbeatMonitor(None)
    monitor.assigned(0, TEN)
    assert monitor.silent(TEN + timedelta(days=1)) == []
