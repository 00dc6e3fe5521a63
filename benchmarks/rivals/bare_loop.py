"""A rival: a bare aiokafka loop that polls, judges, writes one changelog batch and commits. No recovery, no alerts."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from benchmarks.rivals.common import Judge


async def run(servers: str, topic: str, changelog: str, events: int) -> None:
    """Runs until all events are judged."""
    judge = Judge(events)
    consumer: Any = AIOKafkaConsumer(
        topic, bootstrap_servers=servers, group_id=f"rival-{topic}", auto_offset_reset="earliest"
    )
    producer: Any = AIOKafkaProducer(bootstrap_servers=servers, acks="all", max_batch_size=900_000)
    await consumer.start()
    await producer.start()
    print("ready", flush=True)
    while not judge.is_done:
        for tp, records in (await consumer.getmany(timeout_ms=500)).items():
            touched: dict[bytes, tuple[Any, int]] = {}
            for record in records:
                state = judge.judge(record.key, record.value)
                if state is not None:
                    touched[record.key] = state, record.offset
            await write(producer, changelog, tp.partition, judge, touched)
        await consumer.commit()
    judge.report()
    await producer.stop()
    await consumer.stop()


async def write(
    producer: Any, changelog: str, partition: int, judge: Judge, touched: dict[bytes, tuple[Any, int]]
) -> None:
    """Writes all touched rows and waits for the confirmation."""
    sent = []
    batch = producer.create_batch()
    for key, (state, offset) in touched.items():
        value = judge.row(state, offset)
        if batch.append(key=key, value=value, timestamp=None) is None:
            sent.append(await producer.send_batch(batch, changelog, partition=partition))
            batch = producer.create_batch()
            batch.append(key=key, value=value, timestamp=None)
    sent.append(await producer.send_batch(batch, changelog, partition=partition))
    for each in sent:
        await each


if __name__ == "__main__":
    servers, topic, changelog, events = sys.argv[1:]
    asyncio.run(run(servers, topic, changelog, int(events)))
