"""The embedded broker: our topics are there, clients work with it, it can be hurt, and it goes when we go."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import time

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import KafkaError

from agents.brokers.embedded import Embedded
from agents.brokers.preflight import TopicDescription, describe_topics
from agents.platform.settings import Settings
from tests.brokers.processes import is_gone_soon, is_running

REQUEST_TIMED_OUT = 7
PRODUCE = 0


async def sent(settings: Settings, values: list[bytes]) -> None:
    """Writes records of one patient into the log."""
    async with AIOKafkaProducer(**settings.aiokafka(), acks="all", request_timeout_ms=3000) as producer:
        for value in values:
            await producer.send_and_wait("crs.patient-events", value, key=b"patient-1")


async def read(settings: Settings, count: int) -> list[bytes]:
    """What a group that begins at the start reads."""
    options = {"group_id": "readers", "auto_offset_reset": "earliest", "fetch_max_wait_ms": settings.fetch_wait_ms}
    async with AIOKafkaConsumer("crs.patient-events", **settings.aiokafka(), **options) as consumer:
        return [(await asyncio.wait_for(consumer.getone(), 20)).value for _ in range(count)]


def test_our_topics_are_there_with_their_partitions_also_the_changelog() -> None:
    with Embedded(3, topics=["other"]) as embedded:
        there = describe_topics(embedded.settings())
    assert (
        there["crs.patient-events"] == there["crs.watch-patients-changelog"] == there["other"] == TopicDescription(3, 1)
    )
    assert len(there) == 12


def test_what_is_sent_is_read_by_a_group() -> None:
    values = [b"one", b"two", b"three"]
    with Embedded() as embedded:
        asyncio.run(sent(embedded.settings(), values))
        assert asyncio.run(read(embedded.settings(), 3)) == values


def test_a_broker_that_is_down_takes_nothing_until_it_is_up() -> None:
    with Embedded() as embedded:
        embedded.down()
        with pytest.raises(KafkaError):
            asyncio.run(sent(embedded.settings(), [b"lost"]))
        embedded.up()
        asyncio.run(sent(embedded.settings(), [b"kept"]))
        assert asyncio.run(read(embedded.settings(), 1)) == [b"kept"]


def test_an_injected_error_is_met_and_a_slow_answer_is_slow() -> None:
    with Embedded() as embedded:
        embedded.errors(PRODUCE, REQUEST_TIMED_OUT, REQUEST_TIMED_OUT)
        asyncio.run(sent(embedded.settings(), [b"third time lucky"]))
        assert asyncio.run(read(embedded.settings(), 1)) == [b"third time lucky"]
        embedded.round_trip(300)
        since = time.monotonic()
        asyncio.run(sent(embedded.settings(), [b"slow"]))
        assert time.monotonic() - since > 0.3


def test_it_does_not_outlive_whoever_started_it() -> None:
    begin = "from agents.brokers.embedded import Embedded; e = Embedded().__enter__()"
    program = f"{begin}; print(e._process.pid, flush=True); input()"
    parent = subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    assert is_running(child)
    parent.send_signal(signal.SIGKILL)
    parent.communicate()
    assert is_gone_soon(child)
