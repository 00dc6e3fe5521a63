"""Reads partitions of one topic from given offsets on, without a consumer group, as partitions come and go."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

from aiokafka import TopicPartition


class TopicFollower:
    """`consumer` makes a consumer without a group. `take` gets each record of a followed partition, in order."""

    def __init__(self, topic: str, consumer: Callable[[], Any], take: Callable[[Any], None]) -> None:
        self.topic = topic
        self.consumer = consumer
        self.take = take
        self._offsets: dict[TopicPartition, int] = {}
        self._changed = asyncio.Event()

    def partition(self, number: int) -> TopicPartition:
        """The partition of this topic with that number."""
        return TopicPartition(self.topic, number)

    def follow(self, number: int, offset: int) -> None:
        """Reads a partition from this offset on."""
        self._offsets[self.partition(number)] = offset
        self._changed.set()

    def unfollow(self, numbers: Iterable[int]) -> None:
        """Stops reading these partitions."""
        for number in numbers:
            self._offsets.pop(self.partition(number), None)
        self._changed.set()

    async def run(self) -> None:
        """Reads until cancelled."""
        consumer = self.consumer()
        await consumer.start()
        try:
            while True:
                if self._changed.is_set():
                    self._changed.clear()
                    consumer.assign(list(self._offsets))
                    for partition, offset in self._offsets.items():
                        consumer.seek(partition, offset)
                if not self._offsets:
                    await self._changed.wait()
                    continue
                self._take_all(await consumer.getmany(timeout_ms=500))
        finally:
            await consumer.stop()

    def _take_all(self, batches: dict[TopicPartition, list[Any]]) -> None:
        for partition, records in batches.items():
            for record in records:
                # A batch may have been fetched before the partition was unfollowed, or followed anew.
                offset = self._offsets.get(partition)
                if offset is not None and record.offset >= offset:
                    self.take(record)
                    self._offsets[partition] = record.offset + 1
