"""Executes the commands of the paging state machine: writes the case, then queues its pages; reports results back."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from random import Random
from time import monotonic

from agents.dispatch import metrics
from agents.dispatch.alert_reader import ReceivedAlert
from agents.dispatch.backoff import Backoff
from agents.dispatch.commands import Command, DeleteCase, DropPages, PagingVerdict, Result, SaveCase, SendPage
from agents.dispatch.config import PagingConfig
from agents.dispatch.delivery_log import DeliveryLog, StoredRow
from agents.dispatch.destination_queue import DestinationQueue
from agents.dispatch.model import encode
from agents.dispatch.page import Page
from agents.dispatch.pagers.protocol import Pager
from agents.dispatch.paging import Paging

DRAIN_SECONDS = 5.0
APPENDED_KEPT = 20_000
CALLING = ("raised", "worsened")

log = logging.getLogger("crs.dispatch")


class Executor:
    """No page is sent before the brokers have confirmed the row of its case."""

    def __init__(
        self,
        paging: Paging,
        delivery_log: DeliveryLog,
        config: PagingConfig,
        pagers: Mapping[str, Pager],
        backoff: Backoff,
    ) -> None:
        self.paging = paging
        self.delivery_log = delivery_log
        # Only jitter: it has to differ between processes.
        random, fence, destinations = Random(monotonic()), delivery_log.fence, config.destinations
        self.queues = {
            name: DestinationQueue(
                name, pager, self._on_result, destinations[name].max_concurrent, backoff, random, fence
            )
            for name, pager in pagers.items()
        }
        self._appended: OrderedDict[tuple[str, int], int] = OrderedDict()

    def on_alert(self, received: ReceivedAlert, now: datetime) -> asyncio.Future[None]:
        """One version of an alert. Done when everything that was decided is written."""
        update = received.update
        if received.appended_ms is not None:
            self._appended[update.alert.alert_id, update.alert.version] = received.appended_ms
            while len(self._appended) > APPENDED_KEPT:
                self._appended.popitem(last=False)
        return self.execute(self.paging.alert_updated(update, now))

    def execute(self, commands: list[Command]) -> asyncio.Future[None]:
        """Executes commands in order. Done when all their rows are written."""
        rows: list[StoredRow] = []
        for command in commands:
            match command:
                case SaveCase(case):
                    rows.append((case.partition, case.alert_id.encode(), encode(case)))
                case DeleteCase(alert_id, partition):
                    rows.append((partition, alert_id.encode(), None))
                case PagingVerdict(reason, kind):
                    log_decision(reason, kind)
        written = self.delivery_log.write(rows)
        for command in commands:
            match command:
                case DropPages(destination, keys):
                    self.queues[destination].drop(keys)
                case SendPage(page):
                    self.queues[page.destination].put(page, written)
        return written

    def drop_partitions(self, partitions: Iterable[int]) -> None:
        """Removes queued pages of partitions that another dispatcher gets."""
        revoked = set(partitions)
        keys: dict[str, set[str]] = {}
        for case in self.paging.cases.values():
            if case.partition in revoked:
                for name, status in case.destinations.items():
                    keys.setdefault(name, set()).update(page.key for page in status.pending)
        for name, dropped in keys.items():
            self.queues[name].drop(frozenset(dropped))

    async def drain(self) -> None:
        """Waits a bounded time for attempts that are being sent, and for rows to be written."""
        with suppress(TimeoutError):
            async with asyncio.timeout(DRAIN_SECONDS):
                await asyncio.gather(*(queue.idle() for queue in self.queues.values()))
        with suppress(TimeoutError):
            async with asyncio.timeout(DRAIN_SECONDS):
                await self.delivery_log.flush()

    def update_metrics(self) -> None:
        """Sets the gauges of queues, partitions and cases."""
        for name, queue in self.queues.items():
            metrics.PENDING.labels(name).set(queue.pending)
            metrics.OLDEST.labels(name).set(queue.oldest_seconds)
        metrics.OWNED.set(len(self.paging.partitions))
        metrics.CASES.set(len(self.paging.cases))

    async def _on_result(self, page: Page, result: Result) -> None:
        now = datetime.now(UTC)
        appended = self._appended.get((page.alert.alert_id, page.alert.version))
        if appended is not None and result == "accepted" and page.act == "open" and page.cause in CALLING:
            metrics.PAGE_SECONDS.labels(page.destination).observe(max(0.0, now.timestamp() - appended / 1000))
        await self.execute(self.paging.page_ended(page, result, now))


def log_decision(reason: str, kind: str = "") -> None:
    """One log line and one count for each decision, also when nothing is sent."""
    metrics.DECISIONS.labels(reason).inc()
    log.info("decision reason=%s kind=%s", reason, kind or "-")
