"""Rebalance listener: reads the stored cases of a new partition before its alerts, and forgets lost partitions."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from aiokafka import ConsumerRebalanceListener, TopicPartition
from pydantic import ValidationError

from agents.brokers import topic_specs
from agents.brokers.topic_reading import read_partition
from agents.dispatch.alert_consumer import AlertConsumer
from agents.dispatch.config import PagingConfig
from agents.dispatch.heartbeat_reader import HeartbeatReader
from agents.dispatch.model import Case, decode
from agents.dispatch.patient_locations import PatientLocations
from agents.dispatch.topic_follower import TopicFollower
from agents.platform.fail_stop import fail_stop
from agents.platform.settings import Settings
from schemas import topics

log = logging.getLogger("crs.dispatch")


class PartitionAssignment(ConsumerRebalanceListener):  # type: ignore[misc]
    """Beside the alerts partitions of the group it follows the same partitions of patient-state and heartbeats.

    These two are followed without the group: their offsets are not committed, and members of another build can be in
    the group during an update.
    """

    def __init__(
        self,
        settings: Settings,
        config: PagingConfig,
        consumer: AlertConsumer,
        locations: PatientLocations,
        heartbeats: HeartbeatReader,
    ) -> None:
        self.stale_after = timedelta(seconds=config.stale_after_seconds)
        self.delivered_topic = topic_specs.delivered_topic(settings)
        self.consumer = consumer
        self.executor = consumer.executor
        self.broker = consumer.broker
        self.locations = locations
        broker, state_topic = self.broker, settings.topic(topics.PATIENT_STATE)
        self.states = TopicFollower(state_topic, broker.plain_consumer, self._take_state)
        # A heartbeat is only of use when it is new: from the end on, also when the offset does not exist any more.
        from_end = partial(broker.plain_consumer, "latest")
        self.heartbeats = TopicFollower(settings.topic(topics.HEARTBEATS), from_end, heartbeats.take)
        self.moving = False  # while partitions move, nothing is decided

    async def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        """A rebalance begins: finishes what is being sent, writes it, and forgets the partitions."""
        lost = {partition.partition for partition in revoked}
        if not lost:
            return
        async with self.consumer.lock:
            self.moving = True
            self.executor.drop_partitions(lost)
            await self.executor.drain()
            await self.consumer.commit(now=True)
            self.executor.paging.revoked(lost)
            self.consumer.revoked(lost)
            for partition in lost:
                self.locations.forget(partition)
            for follower in (self.states, self.heartbeats):
                follower.unfollow(lost)
            self.moving = False
        log.info("partitions revoked=%d", len(lost))

    async def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        """Reads back what is stored about each new partition; then its alerts are handled."""
        try:
            async with self.consumer.lock:
                await self._prepare(sorted(assigned))
        except Exception as error:
            # Going on could send pages again that were sent before, or none at all.
            fail_stop("read_back", error)
        log.info("partitions assigned=%d", len(assigned))

    async def _prepare(self, assigned: list[TopicPartition]) -> None:
        if not assigned:
            return
        numbers = [at.partition for at in assigned]
        states = [self.states.partition(number) for number in numbers]
        heartbeats = [self.heartbeats.partition(number) for number in numbers]
        reader = self.broker.plain_consumer()
        await reader.start()
        try:
            stored = [TopicPartition(self.delivered_topic, number) for number in numbers]
            reader.assign([*states, *stored])
            for at in states:
                await read_partition(reader, at, partial(self.locations.take, at.partition))
                self.states.follow(at.partition, await reader.position(at))
            for at, end in (await reader.end_offsets(heartbeats)).items():
                self.heartbeats.follow(at.partition, end)
            await self._read_back(assigned, reader)
        finally:
            await reader.stop()

    async def _read_back(self, assigned: list[TopicPartition], reader: Any) -> None:
        ends = await self.broker.consumer.end_offsets(assigned)
        begins = await self.broker.consumer.beginning_offsets(assigned)
        for at in assigned:
            stored = StoredCases()
            await read_partition(reader, TopicPartition(self.delivered_topic, at.partition), stored.take)
            offset = max(await self.broker.consumer.committed(at) or 0, begins[at])
            if offset < ends[at]:
                self.consumer.assigned(at.partition, self.stale_after, ends[at])
            paging, now = self.executor.paging, datetime.now(UTC)
            self.executor.execute(paging.assigned(at.partition, stored.cases.values(), now))
            self.executor.execute(paging.rows_unreadable(at.partition, len(stored.unreadable), now))

    def _take_state(self, record: Any) -> None:
        self.locations.take(record.partition, record.key, record.value)


class StoredCases:
    """The stored cases of one partition, by key, and the keys whose rows cannot be read."""

    def __init__(self) -> None:
        self.cases: dict[bytes, Case] = {}
        self.unreadable: set[bytes] = set()

    def take(self, key: bytes, row: bytes | None) -> None:
        """Takes the latest row of a case, but none of a lower version: it was written after the partition was lost."""
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
        if before is None or case.alert.version >= before.alert.version:
            self.cases[key] = case
