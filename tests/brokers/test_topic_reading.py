"""A topic is read from its beginning, each partition as a whole, the first one too."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from agents.brokers.topic_reading import go_to_begin, read_partition
from agents.platform.settings import Settings
from schemas import topics
from tests.broker import Fresh

pytestmark = pytest.mark.kafka
RECORDS = [b"%d" % number for number in range(10)]
TIMES = 5  # what is wrong here is lost in a race


@pytest.mark.parametrize("partitions", [1, 3])
def test_every_partition_is_read_from_its_beginning_to_its_end(kafka_settings: Fresh, partitions: int) -> None:
    settings = kafka_settings(partitions=partitions)

    async def story(consumer: Any, assigned: list[TopicPartition]) -> None:
        for partition in assigned:
            found: list[bytes] = []
            await read_partition(consumer, partition, lambda _, value, found=found: found.append(value))  # type: ignore[misc]
            assert found == RECORDS, f"of partition {partition.partition}"

    asyncio.run(with_consumers(settings, story))


def test_all_partitions_are_read_from_their_beginnings_at_once(kafka_settings: Fresh) -> None:
    settings = kafka_settings(partitions=3)

    async def story(consumer: Any, assigned: list[TopicPartition]) -> None:
        await go_to_begin(consumer, assigned)
        found: dict[int, list[bytes]] = {partition.partition: [] for partition in assigned}
        while any(len(values) < len(RECORDS) for values in found.values()):
            for partition, records in (await asyncio.wait_for(consumer.getmany(timeout_ms=200), 20)).items():
                found[partition.partition] += [record.value for record in records]
        assert all(values == RECORDS for values in found.values())

    asyncio.run(asyncio.wait_for(with_consumers(settings, story), 120))


async def with_consumers(settings: Settings, story: Any) -> None:
    """Fills a topic, and plays the story with several consumers, each just started."""
    topic = settings.topic(topics.PATIENT_STATE)
    assigned = [TopicPartition(topic, number) for number in range(settings.partitions)]
    producer: Any = AIOKafkaProducer(acks="all", **settings.aiokafka())
    await producer.start()
    for partition in assigned:
        for value in RECORDS:
            await producer.send_and_wait(topic, value, key=b"p1", partition=partition.partition)
    await producer.stop()
    for _ in range(TIMES):
        consumer: Any = AIOKafkaConsumer(enable_auto_commit=False, **settings.aiokafka())
        await consumer.start()
        try:
            consumer.assign(assigned)
            await story(consumer, assigned)
        finally:
            await consumer.stop()
