"""Intake: takes what feeds send, refuses what is no event, and writes the rest into the log under its patient's key.

A feed's words are kept as they came; only the type and the time of arrival are put in where the feed left them out.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable
from typing import Any

from agents.engine.changelog import Record
from agents.engine.partitioning import partition_of
from agents.engine.stamp import stamped
from agents.platform.settings import Settings
from agents.stream import metrics
from agents.stream.producer import ConfirmedProducer, confirmed
from monitor.units.instants import to_datetime
from schemas import topics
from schemas.dead_letters import Origin, dead_letter
from schemas.decode import Refused, decode
from schemas.events import Tick

ON_THEIR_WAY = 64  # batches that may wait for their confirmation at once


class Intake:
    """All feed topics of this worker."""

    def __init__(self, settings: Settings, outbox: ConfirmedProducer) -> None:
        self.settings = settings
        self.outbox = outbox
        self.next_offsets: dict[tuple[str, int], int] = {}  # by topic and partition
        self._log = settings.topic(topics.PATIENT_EVENTS)
        self._letters = settings.topic(topics.DEAD_LETTERS)
        self._types = {settings.topic(feed): feed.default_type for feed in topics.FEEDS}
        self._room = asyncio.Semaphore(ON_THEIR_WAY)
        self._waiting: set[asyncio.Task[None]] = set()
        self._latest: dict[tuple[str, int], asyncio.Task[None]] = {}

    async def take(self, topic: str, records: list[Any], acknowledge: Callable[[], Any]) -> None:
        """A batch of one partition of a feed, in its order. `acknowledge` is called once the log has it."""
        await self._room.acquire()
        default_type = self._types[topic]
        events: dict[int, list[Record]] = defaultdict(list)
        sent: list[asyncio.Future[Any]] = []
        refused = 0
        for record in records:
            said = decode(record.value, default_type)
            if isinstance(said, Refused):
                refused += 1
                sent.append(await self._refuse(topic, record, said))
            elif not isinstance(said.event, Tick):
                key = said.event.patient_id.encode()
                value = stamped(record.value, said.event, default_type, record.timestamp)
                events[partition_of(key, self.settings.partitions)].append(Record(key, value))
        for partition, found in events.items():
            sent += await self.outbox.append(self._log, partition, found)
        metrics.EVENTS.labels(topic, "applied").inc(len(records) - refused)
        metrics.EVENTS.labels(topic, "dead_letter").inc(refused)
        metrics.FEED_LAST_EVENT.labels(topic).set(records[-1].timestamp / 1000)
        place = topic, records[0].partition
        self.next_offsets[place] = records[-1].offset + 1
        task = asyncio.create_task(self._finish(self._latest.get(place), sent, acknowledge))
        self._latest[place] = task
        self._waiting.add(task)
        task.add_done_callback(self._waiting.discard)

    async def drain(self) -> None:
        """Waits for what is on its way."""
        if self._waiting:
            await asyncio.wait(self._waiting)

    async def _finish(
        self, before: asyncio.Task[None] | None, sent: list[asyncio.Future[Any]], acknowledge: Callable[[], Any]
    ) -> None:
        """In the feed's order: Faust may commit past a batch that still waits, and a crash would lose it."""
        await confirmed(sent)
        if before is not None:
            await before
        acknowledge()
        self._room.release()

    async def _refuse(self, topic: str, record: Any, why: Refused) -> asyncio.Future[Any]:
        metrics.DEAD_LETTERS.labels(topic, why.reason).inc()
        origin = Origin(topic, record.partition, record.offset, to_datetime(record.timestamp))
        letter = dead_letter(why.reason, why.detail, record.value, origin)
        return await self.outbox.send(self._letters, letter.model_dump_json().encode(), record.key)
