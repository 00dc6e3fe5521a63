"""Intake: reads the feed topics, refuses what is no event, and appends the rest to the log under its patient's key.

A message is kept as it came; only type and time of arrival are added where the feed left them out. An event of a type
that not every worker can read yet waits, and with it what follows on its partition of the feed (decision 0030).
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Sequence
from itertools import takewhile
from time import time
from typing import Any

from agents.engine.changelog import Record
from agents.engine.log_time import append_time, time_to_show
from agents.engine.partitioning import partition_of
from agents.engine.records import FeedRecord
from agents.engine.stamp import log_value
from agents.platform.settings import Settings
from agents.stream import metrics
from agents.stream.held_feeds import FeedBatch, FeedFlow, HeldFeeds, Place
from agents.stream.log_formats import LogFormats
from agents.stream.producer import ConfirmedProducer, confirmed
from schemas import topics
from schemas.dead_letters import Origin, dead_letter
from schemas.decode import decode
from schemas.decoded import Decoded, Refused
from schemas.events import Tick
from schemas.log_format import log_format_of, type_of

MAX_UNCONFIRMED = 64  # batches that may wait for their confirmation at once


class Intake:
    """All feed topics of this worker."""

    def __init__(self, settings: Settings, producer: ConfirmedProducer, formats: LogFormats, flow: FeedFlow) -> None:
        self.settings = settings
        self.producer = producer
        self.formats = formats
        self.held = HeldFeeds(flow)
        self.next_offsets: dict[Place, int] = {}  # by topic and partition: the next record to append to the log
        self._log = settings.topic(topics.PATIENT_EVENTS)
        self._letters = settings.topic(topics.DEAD_LETTERS)
        self._types = {settings.topic(feed): feed.default_type for feed in topics.FEEDS}
        self._free_slots = asyncio.Semaphore(MAX_UNCONFIRMED)
        self._unfinished: set[asyncio.Task[None]] = set()
        self._last_batch: dict[Place, asyncio.Task[None]] = {}

    async def take(self, topic: str, records: Sequence[FeedRecord], acknowledge: Callable[[], Any]) -> None:
        """Takes a batch of one partition of a feed. `acknowledge` is called once brokers have it in the log."""
        batch = FeedBatch(topic, records, acknowledge)
        if self.held.is_held(batch):
            return
        left = await self._take(batch)
        if left is not None:
            self.held.hold(left, self._type_that_waits(left))

    async def take_held(self) -> None:
        """Takes what was held, as far as every worker can read it by now. Call it once a second."""
        for place, waiting in list(self.held.batches.items()):
            while waiting:
                left = await self._take(waiting[0])
                if left is not None:
                    waiting[0] = left
                    break
                waiting.popleft()
            if not waiting and self.held.batches.get(place) is waiting:
                self.held.end(place)

    def forget(self) -> None:
        """Partitions were assigned anew: what is not acknowledged is read again by its owner."""
        self.next_offsets.clear()
        self.held.clear()

    async def _take(self, batch: FeedBatch) -> FeedBatch | None:
        """Appends records to the log, in order, until one that not every worker can read. Gives it and the rest."""
        default_type = self._types[batch.topic]
        decoded = ((record, decode(record.value, default_type)) for record in batch.records)
        ready = list(takewhile(lambda one: self._is_read_by_all(one[1]), decoded))
        self.next_offsets[batch.place] = batch.records[len(ready) - 1].offset + 1 if ready else batch.records[0].offset
        complete = len(ready) == len(batch.records)
        if ready:
            await self._free_slots.acquire()
            sent = await self._send(batch.topic, ready)
            self._finish_in_order(batch.place, sent, batch.acknowledge if complete else lambda: None)
        return None if complete else batch._replace(records=batch.records[len(ready) :])

    def _is_read_by_all(self, decoded: Decoded | Refused) -> bool:
        return isinstance(decoded, Refused) or self.formats.all_read(log_format_of(decoded.event))

    def _type_that_waits(self, batch: FeedBatch) -> str:
        decoded = decode(batch.records[0].value, self._types[batch.topic])
        assert isinstance(decoded, Decoded), "only an event waits"
        return type_of(decoded.event)

    async def _send(self, topic: str, found: list[tuple[FeedRecord, Decoded | Refused]]) -> list[asyncio.Future[Any]]:
        """Sends events to the log and dead letters, in order. Gives their confirmations."""
        default_type = self._types[topic]
        events: dict[int, list[Record]] = defaultdict(list)
        sent: list[asyncio.Future[Any]] = []
        for record, decoded in found:
            if isinstance(decoded, Refused):
                sent.append(await self._refuse(topic, record, decoded))
            elif not isinstance(decoded.event, Tick):
                key = decoded.event.patient_id.encode()
                value = log_value(record, decoded, default_type)
                events[partition_of(key, self.settings.partitions)].append(Record(key, value))
        refused = len(sent)
        for partition, records in events.items():
            sent += await self.producer.append(self._log, partition, records)
        metrics.EVENTS.labels(topic, "applied").inc(len(found) - refused)
        metrics.EVENTS.labels(topic, "dead_letter").inc(refused)
        metrics.FEED_LAST_EVENT.labels(topic).set((append_time(found[-1][0]) or time() * 1000) / 1000)
        return sent

    def _finish_in_order(self, place: Place, sent: list[asyncio.Future[Any]], acknowledge: Callable[[], Any]) -> None:
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
        origin = Origin(topic, record.partition, record.offset, time_to_show(record))
        letter = dead_letter(why.reason, why.detail, record.value, origin)
        return await self.producer.send_letter(self._letters, letter, record.key)
