"""The embedded broker: it has our topics, clients work with it, faults can be injected, and it ends with its parent."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import time

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import KafkaError

from agents.brokers.embedded import EmbeddedKafka
from agents.brokers.preflight import TopicDescription, describe_topics
from agents.brokers.topic_specs import wanted_topics
from agents.platform.settings import Settings
from tests.platform.running_processes import is_running, wait_until_ended

REQUEST_TIMED_OUT = 7
PRODUCE = 0


async def send(settings: Settings, values: list[bytes]) -> None:
    """Appends records of one patient to the log."""
    async with AIOKafkaProducer(**settings.aiokafka(), acks="all", request_timeout_ms=3000) as producer:
        for value in values:
            await producer.send_and_wait("crs.patient-events", value, key=b"patient-1")


async def read(settings: Settings, count: int) -> list[bytes]:
    """What a consumer group reads from the beginning."""
    options = {"group_id": "readers", "auto_offset_reset": "earliest", "fetch_max_wait_ms": settings.fetch_wait_ms}
    async with AIOKafkaConsumer("crs.patient-events", **settings.aiokafka(), **options) as consumer:
        return [(await asyncio.wait_for(consumer.getone(), 60)).value for _ in range(count)]


def test_it_has_every_topic_of_ours_and_those_that_are_asked_for() -> None:
    with EmbeddedKafka(3, topics=["other"]) as embedded:
        settings = embedded.settings()
        present = describe_topics(settings)
    assert present.keys() == {topic.name for topic in wanted_topics(settings)} | {"other"}
    assert set(present.values()) == {TopicDescription(3, 1)}


def test_what_is_sent_is_read_by_a_group() -> None:
    values = [b"one", b"two", b"three"]
    with EmbeddedKafka() as embedded:
        asyncio.run(send(embedded.settings(), values))
        assert asyncio.run(read(embedded.settings(), 3)) == values


def test_a_broker_that_is_down_accepts_nothing_until_it_is_up() -> None:
    with EmbeddedKafka() as embedded:
        embedded.down()
        with pytest.raises(KafkaError):
            asyncio.run(send(embedded.settings(), [b"lost"]))
        embedded.up()
        asyncio.run(send(embedded.settings(), [b"kept"]))
        assert asyncio.run(read(embedded.settings(), 1)) == [b"kept"]


def test_an_injected_error_is_retried_and_a_slow_answer_is_slow() -> None:
    with EmbeddedKafka() as embedded:
        embedded.errors(PRODUCE, REQUEST_TIMED_OUT, REQUEST_TIMED_OUT)
        asyncio.run(send(embedded.settings(), [b"third time lucky"]))
        assert asyncio.run(read(embedded.settings(), 1)) == [b"third time lucky"]
        embedded.round_trip(300)
        since = time.monotonic()
        asyncio.run(send(embedded.settings(), [b"slow"]))
        assert time.monotonic() - since > 0.3


def test_it_does_not_outlive_the_process_that_started_it() -> None:
    begin = "from agents.brokers.embedded import EmbeddedKafka; e = EmbeddedKafka().__enter__()"
    program = f"{begin}; print(e._process.pid, flush=True); input()"
    parent = subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    assert is_running(child)
    parent.send_signal(signal.SIGKILL)
    parent.communicate()
    wait_until_ended(child)
