"""Partitions come and go between dispatchers: what is known of one is read before anything of it is heard."""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from aiokafka import ConsumerRebalanceListener, TopicPartition

from agents import topic_table
from agents.dispatch.case import decode
from agents.dispatch.delivered import read_partition
from agents.dispatch.stop import fail_stop
from schemas import topics

if TYPE_CHECKING:
    from agents.dispatch.dispatcher import Dispatcher

log = logging.getLogger("crs.dispatch")


class Ownership(ConsumerRebalanceListener):  # type: ignore[misc]
    """Hears from the group which partitions are ours, and prepares them. `lock`: while it is held, nothing moves."""

    def __init__(self, dispatcher: Dispatcher) -> None:
        self.dispatcher = dispatcher
        self.lock = asyncio.Lock()
        self._places: dict[TopicPartition, int] = {}
        self._changed = asyncio.Event()

    async def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        """The group shares out anew: we let go of everything in good order."""
        lost = [partition.partition for partition in revoked]
        if not lost:
            return
        async with self.lock:
            await self.dispatcher.disown(lost)
            await self.dispatcher.commit(now=True)
            self.dispatcher.forget_places(lost)
            self._places = {at: offset for at, offset in self._places.items() if at.partition not in lost}
            self._changed.set()
        log.info("partitions lost=%d", len(lost))

    async def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        """What is known of each new partition is read back; then it is heard."""
        try:
            async with self.lock:
                await self._prepare(sorted(assigned))
        except Exception as error:
            # Going on would page for what was told before, or not page at all.
            fail_stop("read_back", repr(error))
        log.info("partitions won=%d", len(assigned))

    async def _prepare(self, assigned: list[TopicPartition]) -> None:
        if not assigned:
            return
        dispatcher = self.dispatcher
        settings = dispatcher.settings
        known = [TopicPartition(topic_table.delivered(settings), at.partition) for at in assigned]
        states = [TopicPartition(settings.topic(topics.PATIENT_STATE), at.partition) for at in assigned]
        reader = dispatcher.broker.reader()
        await reader.start()
        try:
            reader.assign([*known, *states])
            for at in states:
                await read_partition(reader, at, partial(dispatcher.places.take, at.partition))
                self._places[at] = await reader.position(at)
            consumer = dispatcher.broker.consumer
            ends = await consumer.end_offsets(assigned)
            begins = await consumer.beginning_offsets(assigned)
            for at, memory in zip(assigned, known, strict=True):
                rows: dict[bytes, bytes] = {}
                await read_partition(reader, memory, partial(newest, rows))
                place = max(await consumer.committed(at) or 0, begins[at])
                stale_after = timedelta(seconds=dispatcher.plan.stale_after_seconds)
                dispatcher.own(at.partition, rows, stale_after, ends[at] if place < ends[at] else None)
        finally:
            await reader.stop()
        self._changed.set()

    async def follow_places(self) -> None:
        """Units and beds as they change, of the patients of our partitions."""
        reader = self.dispatcher.broker.reader()
        await reader.start()
        try:
            while True:
                if self._changed.is_set():
                    self._changed.clear()
                    reader.assign(list(self._places))
                    for at, offset in self._places.items():
                        reader.seek(at, offset)
                if not self._places:
                    await self._changed.wait()
                    continue
                for at, records in (await reader.getmany(timeout_ms=500)).items():
                    for record in records:
                        if at in self._places:
                            self.dispatcher.places.take(at.partition, record.key, record.value)
                            self._places[at] = record.offset + 1
        finally:
            await reader.stop()


def newest(rows: dict[bytes, bytes], key: bytes, value: bytes | None) -> None:
    """Keeps the latest row of a case; one that was written after its partition was lost knows less, and goes."""
    before = rows.get(key)
    if value is None:
        rows.pop(key, None)
    elif before is None or decode(value).brief.version >= decode(before).brief.version:
        rows[key] = value
