"""Which messages the board takes as heartbeats: of both topics, but none from before its start."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from time import monotonic

import pytest
from confluent_kafka import Producer

from agents.board.consumer import BoardConsumer
from agents.board.liveness import Liveness
from agents.board.ward import BoardWard
from agents.brokers.embedded import EmbeddedKafka
from agents.platform.settings import Settings
from schemas import topics

PARTITIONS = 2


@pytest.fixture
def settings() -> Iterator[Settings]:
    with EmbeddedKafka(partitions=PARTITIONS) as broker:
        yield broker.settings()


class Workers:
    """The messages of workers, of this build and of build 0.1."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.producer = Producer(settings.librdkafka())

    def heartbeat(self, partition: int) -> None:
        value = {"partition": partition, "at": datetime.now(UTC).isoformat()}
        self._send(self.settings.topic(topics.HEARTBEATS), json.dumps(value).encode(), partition, [])

    def heartbeat_of_build_0_1(self, partition: int) -> None:
        value = {"heartbeat": partition, "at": datetime.now(UTC).isoformat()}
        headers: list[tuple[str, str | bytes | None]] = [("kind", b"heartbeat")]
        self._send(self.settings.topic(topics.ALERTS), json.dumps(value).encode(), partition, headers)

    def _send(self, topic: str, value: bytes, partition: int, headers: list[tuple[str, str | bytes | None]]) -> None:
        self.producer.produce(topic, value, partition=partition, headers=headers)
        assert self.producer.flush(20) == 0


async def until(condition: Callable[[], bool], what: str) -> None:
    last = monotonic() + 60
    while not condition():
        assert monotonic() < last, what
        await asyncio.sleep(0.05)


def test_heartbeats_come_from_their_topic_and_still_from_workers_of_build_0_1(settings: Settings) -> None:
    liveness, ward, workers = Liveness(PARTITIONS, monotonic()), BoardWard(), Workers(settings)

    async def scene() -> None:
        # Both were alive before the board started: that says nothing about now.
        workers.heartbeat(0)
        workers.heartbeat_of_build_0_1(1)
        consumer = asyncio.create_task(BoardConsumer(settings, PARTITIONS, ward, liveness).run())
        await until(lambda: not liveness.loading, "the states were not read")
        workers.heartbeat_of_build_0_1(1)
        await until(lambda: liveness.last_heartbeats[1] is not None, "no heartbeat of build 0.1 was taken")
        assert liveness.last_heartbeats[0] is None
        workers.heartbeat(0)
        await until(lambda: liveness.last_heartbeats[0] is not None, "no heartbeat was taken from the heartbeats topic")
        consumer.cancel()
        with suppress(asyncio.CancelledError):
            await consumer

    asyncio.run(scene())
    assert ward.unreadable == 0, "a heartbeat is no alert"
