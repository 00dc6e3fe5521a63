"""Partitions come and go between dispatchers: what is known of one is read before anything of it is heard."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime, timedelta
from functools import partial

from aiokafka import ConsumerRebalanceListener, TopicPartition
from pydantic import ValidationError

from agents.brokers import topic_specs
from agents.dispatch.alert_consumer import AlertConsumer
from agents.dispatch.broker import Broker
from agents.dispatch.config import PagingConfig
from agents.dispatch.delivery_log import read_partition
from agents.dispatch.executor import Executor
from agents.dispatch.model import Case, decode
from agents.dispatch.patient_locations import PatientLocations
from agents.platform.fail_stop import fail_stop
from agents.platform.settings import Settings
from schemas import topics

log = logging.getLogger("crs.dispatch")


class PartitionAssignment(ConsumerRebalanceListener):  # type: ignore[misc]
    """Hears from the group which partitions are ours, and prepares them."""

    def __init__(
        self,
        settings: Settings,
        plan: PagingConfig,
        hands: Executor,
        hearing: AlertConsumer,
        places: PatientLocations,
        broker: Broker,
    ) -> None:
        self.settings = settings
        self.stale_after = timedelta(seconds=plan.stale_after_seconds)
        self.hands = hands
        self.hearing = hearing
        self.places = places
        self.broker = broker
        self.moving = False  # nothing is decided meanwhile
        self._followed: dict[TopicPartition, int] = {}
        self._changed = asyncio.Event()

    async def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        """The group shares out anew: what is under way ends and is written down, then we let go of everything."""
        lost = {partition.partition for partition in revoked}
        if not lost:
            return
        async with self.hearing.lock:
            self.moving = True
            self.hands.drop(lost)
            await self.hands.rest()
            await self.hearing.commit(now=True)
            self.hands.paging.revoked(lost)
            self.hearing.disown(lost)
            for partition in lost:
                self.places.forget(partition)
            self._followed = {at: offset for at, offset in self._followed.items() if at.partition not in lost}
            self._changed.set()
            self.moving = False
        log.info("partitions lost=%d", len(lost))

    async def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        """What is known of each new partition is read back; then it is heard."""
        try:
            async with self.hearing.lock:
                await self._prepare(sorted(assigned))
        except Exception as error:
            # Going on would page for what was told before, or not page at all.
            fail_stop("read_back", repr(error))
        log.info("partitions won=%d", len(assigned))

    async def _prepare(self, assigned: list[TopicPartition]) -> None:
        if not assigned:
            return
        states = [TopicPartition(self.settings.topic(topics.PATIENT_STATE), at.partition) for at in assigned]
        delivered = topic_specs.delivered(self.settings)
        reader = self.broker.reader()
        await reader.start()
        try:
            reader.assign([*states, *(TopicPartition(delivered, at.partition) for at in assigned)])
            for at in states:
                await read_partition(reader, at, partial(self.places.take, at.partition))
                self._followed[at] = await reader.position(at)
            ends = await self.broker.consumer.end_offsets(assigned)
            begins = await self.broker.consumer.beginning_offsets(assigned)
            for at in assigned:
                known = StoredCases()
                await read_partition(reader, TopicPartition(delivered, at.partition), known.take)
                place = max(await self.broker.consumer.committed(at) or 0, begins[at])
                if place < ends[at]:
                    self.hearing.own(at.partition, self.stale_after, ends[at])
                paging, now = self.hands.paging, datetime.now(UTC)
                self.hands.obey(paging.assigned(at.partition, known.cases.values(), now))
                self.hands.obey(paging.forgot(at.partition, len(known.unreadable), now))
        finally:
            await reader.stop()
        self._changed.set()

    async def follow_places(self) -> None:
        """Units and beds as they change, of the patients of our partitions."""
        reader = self.broker.reader()
        await reader.start()
        try:
            while True:
                if self._changed.is_set():
                    self._changed.clear()
                    reader.assign(list(self._followed))
                    for at, offset in self._followed.items():
                        reader.seek(at, offset)
                if not self._followed:
                    await self._changed.wait()
                    continue
                for at, records in (await reader.getmany(timeout_ms=500)).items():
                    for record in records:
                        if at in self._followed:
                            self.places.take(at.partition, record.key, record.value)
                            self._followed[at] = record.offset + 1
        finally:
            await reader.stop()


class StoredCases:
    """What was written down about the alerts of one partition."""

    def __init__(self) -> None:
        self.cases: dict[bytes, Case] = {}
        self.unreadable: set[bytes] = set()

    def take(self, key: bytes, row: bytes | None) -> None:
        """The latest row of a case; one that was written after its partition was lost knows less, and goes."""
        self.unreadable.discard(key)
        if row is None:
            self.cases.pop(key, None)
            return
        try:
            case = decode(row)
        except ValidationError:
            self.unreadable.add(key)
            self.cases.pop(key, None)
            return
        before = self.cases.get(key)
        if before is None or case.brief.version >= before.brief.version:
            self.cases[key] = case
