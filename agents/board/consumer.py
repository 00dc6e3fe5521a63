"""Kafka consumer of the board: reads states from the beginning, alerts and heartbeats from the end.

Then it looks back on the alerts topic for the text of alerts that were already open when it started.
"""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from agents.board.liveness import Liveness
from agents.board.ward import BoardWard
from agents.brokers.topic_reading import go_to_begin
from agents.dispatch.alert_reader import integer_header
from agents.platform.settings import Settings
from schemas import topics
from schemas.heartbeats import is_heartbeat_of_build_0_1

MAX_RECORDS = 2000
POLL_MS = 200
RETRY_SECONDS = 2.0
# An alert is published within moments of its event: the search for its text begins this much earlier, but never
# further back than the maximum.
TEXT_MARGIN = timedelta(minutes=5)
MAX_LOOK_BACK = timedelta(days=14)

log = logging.getLogger("crs.board")


class BoardConsumer:
    """Reads without a consumer group: every board reads all partitions."""

    def __init__(self, settings: Settings, partitions: int, ward: BoardWard, liveness: Liveness) -> None:
        self.settings, self.ward, self.liveness = settings, ward, liveness
        self.states, self.alerts, self.heartbeats = (
            [TopicPartition(settings.topic(topic), partition) for partition in range(partitions)]
            for topic in (topics.PATIENT_STATE, topics.ALERTS, topics.HEARTBEATS)
        )
        self.polled_at = monotonic()

    async def run(self) -> None:
        """Reads until it is cancelled. After an error of the brokers the board shows it, and starts to read again."""
        while True:
            try:
                await self._read_topics()
            except (KafkaError, OSError) as error:
                self.liveness.fault = type(error).__name__
                log.warning("reading stopped why=%s", type(error).__name__)
                await asyncio.sleep(RETRY_SECONDS)

    async def _read_topics(self) -> None:
        consumer = self._consumer()
        look_back: asyncio.Task[None] | None = None
        await consumer.start()
        try:
            assigned = [*self.states, *self.alerts, *self.heartbeats]
            consumer.assign(assigned)
            ends = await consumer.end_offsets(assigned)
            await go_to_begin(consumer, self.states)
            # A heartbeat from before our start says nothing about the present.
            for partition in (*self.alerts, *self.heartbeats):
                consumer.seek(partition, ends[partition])
            self.liveness.fault = None
            while True:
                for partition, records in (await consumer.getmany(timeout_ms=POLL_MS, max_records=MAX_RECORDS)).items():
                    self._apply(partition, records)
                self.polled_at = monotonic()
                if look_back is None and await self._states_read(consumer, ends):
                    self.liveness.loading = False
                    look_back = asyncio.create_task(self._read_missing_texts(ends), name="missing texts")
        finally:
            if look_back is not None:
                look_back.cancel()
            await consumer.stop()

    async def _states_read(self, consumer: Any, ends: dict[Any, int]) -> bool:
        return all([await consumer.position(partition) >= ends[partition] for partition in self.states])

    def _apply(self, partition: TopicPartition, records: list[Any]) -> None:
        now = datetime.now(UTC)
        clock = self.liveness.clock(now, monotonic())
        for record in records:
            if partition.topic == self.states[0].topic:
                self.ward.apply_state(partition.partition, record.key, record.value, clock)
            elif partition.topic == self.heartbeats[0].topic or is_heartbeat_of_build_0_1(record.headers):
                self.liveness.record(record.value, now, monotonic())
            else:
                self.ward.apply_alert(record.value, integer_header(record.headers, "log_offset") or 0)

    async def _read_missing_texts(self, ends: dict[Any, int]) -> None:
        """Reads the text of alerts that were open before the board started: the state holds only their title."""
        wanted: dict[int, datetime] = {}
        for place, brief in self.ward.missing_text():
            since = min(brief.effective_at, brief.raised_at)
            wanted[place] = min(since, wanted.get(place, since))
        earliest = datetime.now(UTC) - MAX_LOOK_BACK
        consumer = self._consumer()
        await consumer.start()
        try:
            for place, since in wanted.items():
                await self._reread(consumer, self.alerts[place], max(since - TEXT_MARGIN, earliest), ends)
        except (KafkaError, OSError) as error:
            log.warning("text of older alerts not read why=%s", type(error).__name__)
        finally:
            await consumer.stop()

    async def _reread(self, consumer: Any, partition: TopicPartition, since: datetime, ends: dict[Any, int]) -> None:
        consumer.assign([partition])
        found = (await consumer.offsets_for_times({partition: round(since.timestamp() * 1000)}))[partition]
        begins = (await consumer.beginning_offsets([partition]))[partition]
        consumer.seek(partition, begins if found is None else max(begins, found.offset))
        while await consumer.position(partition) < ends[partition]:
            batches = await consumer.getmany(partition, timeout_ms=POLL_MS, max_records=MAX_RECORDS)
            for record in batches.get(partition, ()):
                if not is_heartbeat_of_build_0_1(record.headers):
                    self.ward.apply_alert(record.value, integer_header(record.headers, "log_offset") or 0)
            await asyncio.sleep(0)

    def _consumer(self) -> Any:
        return AIOKafkaConsumer(
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            fetch_max_wait_ms=self.settings.fetch_wait_ms,
            **self.settings.aiokafka(),
        )
