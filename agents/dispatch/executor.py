"""What paging decides is done here: written down first, then handed to its destination; outcomes are reported back."""

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
from agents.dispatch.commands import Command, DeleteCase, DropPages, PagingVerdict, Result, SaveCase, SendPage
from agents.dispatch.config import PagingConfig
from agents.dispatch.delivery_log import DeliveryLog, StoredRow
from agents.dispatch.destination_queue import Backoff, Lanes
from agents.dispatch.model import Page, encode
from agents.dispatch.pagers.answer import Pager
from agents.dispatch.paging import Paging

LEAVING_SECONDS = 5.0
APPENDED_KEPT = 20_000
CALLING = ("raised", "worsened")

log = logging.getLogger("crs.dispatch")


class Executor:
    """Carries out orders. Nothing is sent before the brokers have confirmed the row of its case."""

    def __init__(
        self, paging: Paging, delivered: DeliveryLog, plan: PagingConfig, pagers: Mapping[str, Pager], patience: Backoff
    ) -> None:
        self.paging = paging
        self.delivered = delivered
        # Jitter needs to differ between processes; nothing clinical hangs on it.
        dice = Random(monotonic())
        self.lanes = {
            name: Lanes(name, pager, self._report, plan.destinations[name].at_once, patience, dice, delivered.fence)
            for name, pager in pagers.items()
        }
        self._appended: OrderedDict[tuple[str, int], int] = OrderedDict()

    def tell(self, heard: ReceivedAlert, now: datetime) -> asyncio.Future[None]:
        """One version of an alert."""
        if heard.appended_ms is not None:
            self._appended[heard.told.brief.alert_id, heard.told.brief.version] = heard.appended_ms
            while len(self._appended) > APPENDED_KEPT:
                self._appended.popitem(last=False)
        return self.obey(self.paging.told(heard.told, now))

    def obey(self, commands: list[Command]) -> asyncio.Future[None]:
        """Does what paging decided, in order. Done when everything that it decided is written down."""
        rows: list[StoredRow] = []
        for command in commands:
            match command:
                case SaveCase(case):
                    rows.append((case.partition, case.alert_id.encode(), encode(case)))
                case DeleteCase(alert_id, partition):
                    rows.append((partition, alert_id.encode(), None))
                case PagingVerdict(reason, kind):
                    say(reason, kind)
        done = self.delivered.write(rows)
        for command in commands:
            match command:
                case DropPages(destination, keys):
                    self.lanes[destination].drop(keys)
                case SendPage(page):
                    self.lanes[page.destination].put(page, done)
        return done

    def drop(self, partitions: Iterable[int]) -> None:
        """What waits for patients of these partitions is not ours to send any more."""
        lost = set(partitions)
        keys: dict[str, set[str]] = {}
        for case in self.paging.cases.values():
            if case.partition in lost:
                for name, line in case.lines.items():
                    keys.setdefault(name, set()).update(page.key for page in line.pending)
        for name, dropped in keys.items():
            self.lanes[name].drop(frozenset(dropped))

    async def rest(self) -> None:
        """Waits a moment for what is under way, and for everything to be written down."""
        with suppress(TimeoutError):
            async with asyncio.timeout(LEAVING_SECONDS):
                await asyncio.gather(*(lanes.idle() for lanes in self.lanes.values()))
        with suppress(TimeoutError):
            async with asyncio.timeout(LEAVING_SECONDS):
                await self.delivered.flush()

    def count(self) -> None:
        """What waits, for the metrics."""
        for name, lanes in self.lanes.items():
            metrics.PENDING.labels(name).set(lanes.pending)
            metrics.OLDEST.labels(name).set(lanes.oldest_seconds)
        metrics.OWNED.set(len(self.paging.heard_at))
        metrics.CASES.set(len(self.paging.cases))

    async def _report(self, page: Page, result: Result) -> None:
        now = datetime.now(UTC)
        appended = self._appended.get((page.brief.alert_id, page.brief.version))
        if appended is not None and result == "confirmed" and page.act == "open" and page.cause in CALLING:
            metrics.PAGE_SECONDS.labels(page.destination).observe(max(0.0, now.timestamp() - appended / 1000))
        await self.obey(self.paging.reported(page, result, now))


def say(reason: str, kind: str = "") -> None:
    """One line and one count for each decision, also when nothing is sent."""
    metrics.DECISIONS.labels(reason).inc()
    log.info("decision reason=%s kind=%s", reason, kind or "-")
