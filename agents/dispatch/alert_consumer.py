"""The consumer loop of the alerts topic; commits an offset only when everything decided up to it is written."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Iterable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Any

from agents.dispatch.alert_reader import AlertReader, Backlog
from agents.dispatch.broker import Broker
from agents.dispatch.executor import Executor, log_decision
from agents.dispatch.heartbeat_reader import count_heartbeat
from agents.dispatch.paging import Paging
from schemas.heartbeats import is_heartbeat_of_build_0_1

COMMIT_SECONDS = 0.5
COMMIT_TIMEOUT_SECONDS = 5.0
BATCH = 500
BACKLOG_TIMEOUT_SECONDS = 10.0
READING_SECONDS = 10.0

log = logging.getLogger("crs.dispatch")


class AlertConsumer:
    """Reads alerts, and heartbeats of build 0.1. While `lock` is held, no record is handled and no partition moves."""

    def __init__(self, paging: Paging, executor: Executor, reader: AlertReader, broker: Broker) -> None:
        self.paging = paging
        self.executor = executor
        self.reader = reader
        self.broker = broker
        self.lock = asyncio.Lock()
        self.backlogs: dict[int, Backlog] = {}
        self._handled: dict[Any, int] = {}  # partition -> offset to commit
        self._committed_at = 0.0
        self._read_at: float | None = None  # when the loop has last handled everything that was fetched

    async def run(self, leaving: asyncio.Event) -> None:
        """Reads until `leaving` is set."""
        while not leaving.is_set():
            batches = await self.broker.read(BATCH)
            async with self.lock:
                waits: list[Awaitable[None]] = []
                for partition, records in batches.items():
                    if partition.partition not in self.paging.partitions:
                        # Fetched before the stored cases of this partition were read: read it again later.
                        with suppress(Exception):
                            self.broker.consumer.seek(partition, records[0].offset)
                        continue
                    waits += self._handle(partition.partition, records)
                    self._handled[partition] = records[-1].offset + 1
                waits += self._end_overdue_backlogs()
                if waits:
                    await asyncio.gather(*waits)
                self._read_at = monotonic()
                await self.commit()

    def reads(self, partition: int) -> bool:
        """Whether the alerts of a partition are being read: no backlog is left, and the loop has just turned."""
        current = self._read_at is not None and monotonic() - self._read_at <= READING_SECONDS
        return current and partition not in self.backlogs

    def assigned(self, partition: int, stale_after: timedelta, until_offset: int) -> None:
        """A partition with a backlog of alerts up to this offset."""
        self.backlogs[partition] = Backlog(until_offset, stale_after)

    def revoked(self, partitions: Iterable[int]) -> None:
        """Forgets backlogs and offsets of these partitions."""
        revoked = set(partitions)
        for partition in revoked:
            self.backlogs.pop(partition, None)
        self._handled = {at: offset for at, offset in self._handled.items() if at.partition not in revoked}

    async def commit(self, *, now: bool = False) -> None:
        """Commits the offsets whose rows are written; not those of a backlog, which is only in memory."""
        if not now and monotonic() - self._committed_at < COMMIT_SECONDS:
            return
        offsets = {at: offset for at, offset in self._handled.items() if at.partition not in self.backlogs}
        if offsets:
            try:
                async with asyncio.timeout(COMMIT_TIMEOUT_SECONDS):
                    await self.broker.commit(offsets)
            except TimeoutError:
                log.warning("commit why=no answer")
            for at in offsets:
                del self._handled[at]
        self._committed_at = monotonic()

    def _handle(self, partition: int, records: list[Any]) -> list[Awaitable[None]]:
        now = datetime.now(UTC)
        backlog = self.backlogs.get(partition)
        waits: list[Awaitable[None]] = []
        for record in records:
            if is_heartbeat_of_build_0_1(record.headers):
                if backlog is None:
                    count_heartbeat(self.paging, partition, now)
                continue
            received = self.reader.read(record, datetime.fromtimestamp(record.timestamp / 1000, UTC))
            if received is None:
                log_decision("unreadable")
            elif backlog is not None:
                backlog.take(received, now)
            else:
                waits.append(self.executor.on_alert(received, now))
        if backlog is not None:
            backlog.read_at = monotonic()
            if records[-1].offset + 1 >= backlog.until_offset:
                waits += self._end_backlog(partition, now)
        return waits

    def _end_backlog(self, partition: int, now: datetime) -> list[Awaitable[None]]:
        """The whole backlog was read: pages what is still relevant."""
        return [self.executor.on_alert(received, now) for received in self.backlogs.pop(partition).all()]

    def _end_overdue_backlogs(self) -> list[Awaitable[None]]:
        """The rest of a backlog may never come, because the topic has deleted it: pages what was read."""
        overdue = [p for p, backlog in self.backlogs.items() if monotonic() - backlog.read_at > BACKLOG_TIMEOUT_SECONDS]
        return [wait for partition in overdue for wait in self._end_backlog(partition, datetime.now(UTC))]
