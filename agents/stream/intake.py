"""Intake: reads the feed topics, refuses what is no event, and appends the rest to the log under its patient's key.

A message is kept as it came; only type and time of arrival are added where the feed left them out.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

from agents.engine.changelog import Record
from agents.engine.partitioning import partition_of
from agents.engine.records import FeedRecord
from agents.engine.stamp import stamped
from agents.platform.settings import Settings
from agents.stream import metrics
from agents.stream.producer import ConfirmedProducer, confirmed
from monitor.units import to_datetime
from schemas import topics
from schemas.dead_letters import Origin, dead_letter
from schemas.decode import Refused, decode
from schemas.events import Tick

MAX_UNCONFIRMED = 64  # batches that may wait for their confirmation at once


class Intake:
    """All feed topics of this worker."""

    def __init__(self, settings: Settings, producer: ConfirmedProducer) -> None:
        self.settings = settings
        self.producer = producer
        self.next_offsets: dict[tuple[str, int], int] = {}  # by topic and partition: the next record to read
        self._log = settings.topic(topics.PATIENT_EVENTS)
        self._letters = settings.topic(topics.DEAD_LETTERS)
        self._types = {settings.topic(feed): feed.default_type for feed in topics.FEEDS}
        self._free_slots = asyncio.Semaphore(MAX_UNCONFIRMED)
        self._unfinished: set[asyncio.Task[None]] = set()
        self._last_batch: dict[tuple[str, int], asyncio.Task[None]] = {}

    async def take(self, topic: str, records: Sequence[FeedRecord], acknowledge: Callable[[], Any]) -> None:
        """Takes a batch of one partition of a feed. `acknowledge` is called once brokers have it in the log."""
        await self._free_slots.acquire()
        default_type = self._types[topic]
        events: dict[int, list[Record]] = defaultdict(list)
        sent: list[asyncio.Future[Any]] = []
        refused = 0
        for record in records:
            decoded = decode(record.value, default_type)
            if isinstance(decoded, Refused):
                refused += 1
                sent.append(await self._refuse(topic, record, decoded))
            elif not isinstance(decoded.event, Tick):
                key = decoded.event.patient_id.encode()
                value = stamped(record.value or b"", decoded.event, default_type, record.timestamp)
                events[partition_of(key, self.settings.partitions)].append(Record(key, value))
        for partition, found in events.items():
            sent += await self.producer.append(self._log, partition, found)
        metrics.EVENTS.labels(topic, "applied").inc(len(records) - refused)
        metrics.EVENTS.labels(topic, "dead_letter").inc(refused)
        metrics.FEED_LAST_EVENT.labels(topic).set(records[-1].timestamp / 1000)
        place = topic, records[0].partition
        self.next_offsets[place] = records[-1].offset + 1
        task = asyncio.create_task(self._finish(self._last_batch.get(place), sent, acknowledge))
        self._last_batch[place] = task
        self._unfinished.add(task)
        task.add_done_callback(self._unfinished.discard)

    async def drain(self) -> None:
        """Waits until every batch so far is confirmed and acknowledged."""
        if self._unfinished:
            await asyncio.wait(self._unfinished)

    async def _finish(
        self, before: asyncio.Task[None] | None, sent: list[asyncio.Future[Any]], acknowledge: Callable[[], Any]
    ) -> None:
        """Acknowledges in order: Faust may commit past a batch that still waits, and a crash would lose it."""
        await confirmed(sent)
        if before is not None:
            await before
        acknowledge()
        self._free_slots.release()

    async def _refuse(self, topic: str, record: FeedRecord, why: Refused) -> asyncio.Future[Any]:
        metrics.DEAD_LETTERS.labels(topic, why.reason).inc()
        origin = Origin(topic, record.partition, record.offset, to_datetime(record.timestamp))
        letter = dead_letter(why.reason, why.detail, record.value, origin)
        return await self.producer.send(self._letters, letter.model_dump_json().encode(), record.key)
