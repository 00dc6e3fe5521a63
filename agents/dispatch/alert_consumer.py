"""The alerts topic is read here, partition by partition; our place is committed only for what is written down."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Iterable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Any

from agents.dispatch import metrics
from agents.dispatch.alert_reader import AlertReader, Backlog, is_heartbeat
from agents.dispatch.broker import Broker
from agents.dispatch.executor import Executor, say
from agents.dispatch.paging import Paging

COMMIT_SECONDS = 0.5
COMMIT_PATIENCE_SECONDS = 5.0
BATCH = 500
BACKLOG_PATIENCE_SECONDS = 10.0

log = logging.getLogger("crs.dispatch")


class AlertConsumer:
    """Reads alerts and heartbeats. `lock`: while it is held, partitions do not move and nothing is heard."""

    def __init__(self, paging: Paging, hands: Executor, reader: AlertReader, broker: Broker) -> None:
        self.paging = paging
        self.hands = hands
        self.reader = reader
        self.broker = broker
        self.lock = asyncio.Lock()
        self.backlogs: dict[int, Backlog] = {}
        self._written: dict[Any, int] = {}
        self._committed_at = 0.0

    async def run(self, leaving: asyncio.Event) -> None:
        """Hears until it is time to leave."""
        while not leaving.is_set():
            batches = await self.broker.read(BATCH)
            async with self.lock:
                waits: list[Awaitable[None]] = []
                for partition, records in batches.items():
                    if partition.partition not in self.paging.heard_at:
                        # Fetched before we have read what is known of this partition: once more, later.
                        with suppress(Exception):
                            self.broker.consumer.seek(partition, records[0].offset)
                        continue
                    waits += self._hear(partition.partition, records)
                    self._written[partition] = records[-1].offset + 1
                waits += self._overdue()
                if waits:
                    await asyncio.gather(*waits)
                await self.commit()

    def own(self, partition: int, stale_after: timedelta, until_offset: int) -> None:
        """A partition on which alerts have piled up until there."""
        self.backlogs[partition] = Backlog(until_offset, stale_after)

    def disown(self, partitions: Iterable[int]) -> None:
        """Places of partitions that went are not ours to commit."""
        lost = set(partitions)
        for partition in lost:
            self.backlogs.pop(partition, None)
        self._written = {at: offset for at, offset in self._written.items() if at.partition not in lost}

    async def commit(self, *, now: bool = False) -> None:
        """Our place on the alerts topic, of what is written down; not while a backlog is only in our head."""
        if not now and monotonic() - self._committed_at < COMMIT_SECONDS:
            return
        places = {at: offset for at, offset in self._written.items() if at.partition not in self.backlogs}
        if places:
            try:
                async with asyncio.timeout(COMMIT_PATIENCE_SECONDS):
                    await self.broker.commit(places)
            except TimeoutError:
                log.warning("commit why=no answer")
            for at in places:
                del self._written[at]
        self._committed_at = monotonic()

    def _hear(self, partition: int, records: list[Any]) -> list[Awaitable[None]]:
        now = datetime.now(UTC)
        backlog = self.backlogs.get(partition)
        waits: list[Awaitable[None]] = []
        for record in records:
            if is_heartbeat(record):
                if backlog is None:
                    metrics.HEARTBEAT.labels(str(partition)).set(now.timestamp())
                    waits.append(self.hands.obey(self.paging.heartbeat(partition, now)))
                continue
            heard = self.reader.read(record, datetime.fromtimestamp(record.timestamp / 1000, UTC))
            if heard is None:
                say("unreadable")
            elif backlog is not None:
                backlog.take(heard, now)
            else:
                waits.append(self.hands.tell(heard, now))
        if backlog is not None:
            backlog.read_at = monotonic()
            if records[-1].offset + 1 >= backlog.until_offset:
                waits += self._catch_up(partition, now)
        return waits

    def _catch_up(self, partition: int, now: datetime) -> list[Awaitable[None]]:
        """What piled up has been read: what is still news is told."""
        return [self.hands.tell(heard, now) for heard in self.backlogs.pop(partition).all()]

    def _overdue(self) -> list[Awaitable[None]]:
        """The rest of what piled up does not come (it was too old to be kept): what we have is told."""
        late = [p for p, backlog in self.backlogs.items() if monotonic() - backlog.read_at > BACKLOG_PATIENCE_SECONDS]
        return [told for partition in late for told in self._catch_up(partition, datetime.now(UTC))]
