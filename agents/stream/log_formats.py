"""Which log format the worker of each partition can read, by the latest heartbeats of all workers.

No heartbeat is read until intake asks for more than the first format, which every build can read. So a worker without
new types of events has no further consumer.
"""

from __future__ import annotations

import asyncio
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from agents.platform.settings import Settings
from schemas import topics
from schemas.heartbeats import read_heartbeat
from schemas.log_format import FIRST_LOG_FORMAT


class LogFormats:
    """The latest announcement for each partition of the log; one that nobody announced counts as not able to read."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.announced: dict[int, int] = {}  # by partition of the log
        self._topic = settings.topic(topics.HEARTBEATS)
        self._wanted = asyncio.Event()

    def all_read(self, log_format: int) -> bool:
        """Whether the workers of all partitions read this log format."""
        if log_format <= FIRST_LOG_FORMAT:
            return True
        self._wanted.set()
        return all(self.announced.get(number, 0) >= log_format for number in range(self.settings.partitions))

    def take(self, record: Any) -> None:
        """One record of the heartbeats topic."""
        heartbeat = read_heartbeat(record.value)
        if heartbeat is not None and heartbeat.partition == record.partition:
            self.announced[heartbeat.partition] = heartbeat.log_format

    async def run(self) -> None:
        """Reads heartbeats from the last one of each partition on, once somebody has asked; until cancelled."""
        await self._wanted.wait()
        consumer: Any = AIOKafkaConsumer(enable_auto_commit=False, **self.settings.aiokafka())
        await consumer.start()
        try:
            partitions = [TopicPartition(self._topic, number) for number in range(self.settings.partitions)]
            consumer.assign(partitions)
            for partition, end in (await consumer.end_offsets(partitions)).items():
                consumer.seek(partition, max(0, end - 1))
            while True:
                for records in (await consumer.getmany(timeout_ms=500)).values():
                    for record in records:
                        self.take(record)
        finally:
            await consumer.stop()
