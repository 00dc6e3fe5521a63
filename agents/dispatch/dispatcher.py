"""The process around paging: hears alerts, remembers what was decided, hands pages to their destinations.

Nothing is sent before its case is written down and confirmed by the brokers; the place on the alerts topic is committed
only after that. So a crash repeats a page in the same words and under the same id, and never loses one.
"""

from __future__ import annotations

import asyncio
import logging
import signal
from collections import OrderedDict
from collections.abc import Awaitable, Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from random import Random
from time import monotonic
from typing import Any

from agents import health, topic_table
from agents.dispatch import metrics
from agents.dispatch.assessing import Assessments
from agents.dispatch.broker import Broker
from agents.dispatch.callbacks import CallbackServer
from agents.dispatch.case import Case, Page, decode, encode
from agents.dispatch.delivered import Delivered, Row
from agents.dispatch.inbox import Backlog, Heard, Reader, is_heartbeat
from agents.dispatch.lanes import Lanes, Patience
from agents.dispatch.orders import Command, Drop, Forget, Remember, Result, Send, Verdict
from agents.dispatch.ownership import Ownership
from agents.dispatch.paging import Paging
from agents.dispatch.places import Places
from agents.dispatch.plan import AlertmanagerAt, Plan
from agents.dispatch.silences import Silences
from agents.dispatch.stop import fail_stop, pulse
from agents.pagers.answer import Pager
from agents.settings import Settings
from schemas import topics

CLOCK_SECONDS = 1.0
COMMIT_SECONDS = 0.5
LEAVING_SECONDS = 5.0
WRITING_SECONDS = 5.0
BATCH = 500
APPENDED_KEPT = 20_000
CALLING = ("raised", "worsened")

log = logging.getLogger("crs.dispatch")


class Dispatcher:
    """One process. `run` comes back after a clean leave; every other end is a fail stop."""

    def __init__(self, settings: Settings, plan: Plan, pagers: Mapping[str, Pager], patience: Patience) -> None:
        self.settings = settings
        self.plan = plan
        self.pagers = pagers
        self.paging = Paging(plan.rules())
        self.places = Places()
        secret = plan.reference_secret.get_secret_value().encode()
        token = None if plan.callbacks is None else plan.callbacks.token.get_secret_value().encode()
        self.reader = Reader(secret, self.places, plan.link, token)
        self.broker = Broker(settings, settings.topic_prefix + plan.group)
        self.delivered = Delivered(self.broker.producer, topic_table.delivered(settings))
        assessments = Assessments(self.broker.producer, settings.topic(topics.ASSESSMENTS))
        self.assessments = assessments
        self.callbacks: CallbackServer | None = None
        if plan.callbacks is not None:
            self.callbacks = CallbackServer(plan.callbacks, self.paging.find, assessments)
        # Jitter needs to differ between processes; nothing clinical hangs on it.
        dice = Random(monotonic())
        self.lanes = {
            name: Lanes(name, pager, self._report, plan.destinations[name].at_once, patience, dice)
            for name, pager in pagers.items()
        }
        self.backlogs: dict[int, Backlog] = {}
        self.appended: OrderedDict[tuple[str, int], int] = OrderedDict()
        self.ownership = Ownership(self)
        self.leaving = asyncio.Event()
        self._remembered: dict[Any, int] = {}
        self._committed_at = 0.0
        self._moved_at = monotonic()

    async def run(self) -> None:
        """Until SIGTERM or SIGINT, or `leaving` is set."""
        for name in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(name, self.leaving.set)
        if self.settings.metrics_port:
            health.serve(self.settings.metrics_host, self.settings.metrics_port, self.wrong, self.not_ready)
        metrics.STARTS.inc()
        if self.callbacks is not None:
            await self.callbacks.start()
            log.info("callbacks on %s:%d", self.callbacks.at.host, self.callbacks.port)
        await self.broker.start(settings_topic(self.settings), self.ownership)
        tasks = [asyncio.create_task(work, name=name) for name, work in self._works()]
        for task in tasks:
            task.add_done_callback(self._ended)
        try:
            await self._hear_all()
        finally:
            await self._leave(tasks)

    def _works(self) -> Iterable[tuple[str, Any]]:
        yield "delivered", self.delivered.run()
        yield "clock", self._clock()
        yield "pulse", pulse(self.settings.session_timeout_seconds / 2)
        yield "places", self.ownership.follow_places()
        for name, lanes in self.lanes.items():
            yield f"lanes {name}", lanes.run()
            if lanes.pager.refresh_seconds is not None:
                yield f"refresh {name}", self._refresh(name, lanes, lanes.pager.refresh_seconds)
        for name, at in self.plan.destinations.items():
            if isinstance(at, AlertmanagerAt) and at.poll_silences_seconds:
                yield f"silences {name}", Silences(at, self.paging.find, self.assessments).run()

    # What is wrong with us, for whoever asks.

    def wrong(self) -> str | None:
        """Not alive: the loop does not turn. None: nothing is wrong."""
        still = monotonic() - self._moved_at
        return f"the clock stands still for {still:.0f} s" if still > self.settings.stall_seconds else None

    def not_ready(self) -> str | None:
        """Not ready: no partition yet, or still reading what piled up."""
        if not self.paging.heard_at:
            return "no partitions"
        if self.delivered.writing_seconds > WRITING_SECONDS:
            return f"brokers have taken no rows for {self.delivered.writing_seconds:.0f} s"
        return "reading what piled up" if self.backlogs else self.wrong()

    def alive(self) -> bool:
        """Whether the whole path of every partition of ours works."""
        return self.paging.all_heard(datetime.now(UTC))

    # Hearing.

    async def _hear_all(self) -> None:
        while not self.leaving.is_set():
            batches = await self.broker.consumer.getmany(timeout_ms=200, max_records=BATCH)
            async with self.ownership.lock:
                waits: list[Awaitable[None]] = []
                for partition, records in batches.items():
                    if partition.partition not in self.paging.heard_at:
                        # Fetched before we have read what is known of this partition: once more, later.
                        with suppress(Exception):
                            self.broker.consumer.seek(partition, records[0].offset)
                        continue
                    waits += self._hear(partition.partition, records)
                    self._remembered[partition] = records[-1].offset + 1
                if waits:
                    await asyncio.gather(*waits)
                await self.commit()

    def _hear(self, partition: int, records: list[Any]) -> list[Awaitable[None]]:
        now = datetime.now(UTC)
        backlog = self.backlogs.get(partition)
        waits: list[Awaitable[None]] = []
        for record in records:
            if is_heartbeat(record):
                if backlog is None:
                    metrics.HEARTBEAT.labels(str(partition)).set(now.timestamp())
                    waits.append(self.obey(self.paging.heartbeat(partition, now)))
                continue
            heard = self.reader.read(record, datetime.fromtimestamp(record.timestamp / 1000, UTC))
            if heard is None:
                self._say("unreadable")
            elif backlog is not None:
                backlog.take(heard, now)
            else:
                waits.append(self._tell(heard, now))
        if backlog is not None and records[-1].offset + 1 >= backlog.until_offset:
            waits += self.catch_up(partition)
        return waits

    def catch_up(self, partition: int) -> list[Awaitable[None]]:
        """What piled up has been read: what is still news is told."""
        now = datetime.now(UTC)
        return [self._tell(heard, now) for heard in self.backlogs.pop(partition).all()]

    def _tell(self, heard: Heard, now: datetime) -> Awaitable[None]:
        if heard.appended_ms is not None:
            self.appended[heard.told.brief.alert_id, heard.told.brief.version] = heard.appended_ms
            while len(self.appended) > APPENDED_KEPT:
                self.appended.popitem(last=False)
        return self.obey(self.paging.told(heard.told, now))

    async def commit(self, *, now: bool = False) -> None:
        """Our place on the alerts topic, of what is remembered; not while a backlog is only in our head."""
        if not now and monotonic() - self._committed_at < COMMIT_SECONDS:
            return
        places = {at: offset for at, offset in self._remembered.items() if at.partition not in self.backlogs}
        if places:
            await self.broker.commit(places)
            for at in places:
                del self._remembered[at]
        self._committed_at = monotonic()

    def forget_places(self, partitions: Iterable[int]) -> None:
        """Places of partitions that went are not ours to commit."""
        lost = set(partitions)
        self._remembered = {at: offset for at, offset in self._remembered.items() if at.partition not in lost}

    # Doing.

    def obey(self, commands: list[Command]) -> asyncio.Future[None]:
        """Does what paging decided, in order. Done when everything that it decided is written down."""
        rows: list[Row] = []
        for command in commands:
            match command:
                case Remember(case):
                    rows.append((case.partition, case.alert_id.encode(), encode(case)))
                case Forget(alert_id, partition):
                    rows.append((partition, alert_id.encode(), None))
                case Verdict(reason, kind):
                    self._say(reason, kind)
        done = self.delivered.write(rows)
        for command in commands:
            match command:
                case Drop(destination, keys):
                    self.lanes[destination].drop(keys)
                case Send(page):
                    self.lanes[page.destination].put(page, done)
        return done

    async def _report(self, page: Page, result: Result) -> None:
        now = datetime.now(UTC)
        appended = self.appended.get((page.brief.alert_id, page.brief.version))
        if appended is not None and result == "confirmed" and page.act == "open" and page.cause in CALLING:
            metrics.PAGE_SECONDS.labels(page.destination).observe(max(0.0, now.timestamp() - appended / 1000))
        await self.obey(self.paging.reported(page, result, now))

    def _say(self, reason: str, kind: str = "") -> None:
        metrics.DECISIONS.labels(reason).inc()
        log.info("decision reason=%s kind=%s", reason, kind or "-")

    async def _clock(self) -> None:
        while True:
            async with self.ownership.lock:
                await self.obey(self.paging.ticked(datetime.now(UTC)))
            for name, lanes in self.lanes.items():
                metrics.PENDING.labels(name).set(lanes.pending)
                metrics.OLDEST.labels(name).set(lanes.oldest_seconds)
            metrics.OWNED.set(len(self.paging.heard_at))
            metrics.CASES.set(len(self.paging.cases))
            self._moved_at = monotonic()
            await asyncio.sleep(CLOCK_SECONDS)

    async def _refresh(self, name: str, lanes: Lanes, every_seconds: float) -> None:
        """As soon as we know what is open, and then again and again."""
        while True:
            if self.not_ready() is None:
                answer = await lanes.refresh(lambda: self.paging.open_pages(name), alive=self.alive())
                if answer.outcome != "taken":
                    log.warning("refresh destination=%s outcome=%s why=%s", name, answer.outcome, answer.why)
                await asyncio.sleep(every_seconds)
            else:
                await asyncio.sleep(min(0.2, every_seconds))

    # Partitions that come and go.

    def own(self, partition: int, rows: Mapping[bytes, bytes], backlog: timedelta, until_offset: int | None) -> None:
        """We own a partition now, with everything that is known of it."""
        if until_offset is not None:
            self.backlogs[partition] = Backlog(until_offset, backlog)
        cases: list[Case] = [decode(row) for row in rows.values()]
        # Nobody waits for this one: should it fail, the process ends.
        _ = self.obey(self.paging.assigned(partition, cases, datetime.now(UTC)))

    async def disown(self, partitions: Iterable[int]) -> None:
        """Someone else will own them: what is under way ends, and is written down, before we let go."""
        lost = set(partitions)
        keys: dict[str, set[str]] = {}
        for case in self.paging.cases.values():
            if case.partition in lost:
                for name, line in case.lines.items():
                    keys.setdefault(name, set()).update(page.key for page in line.pending)
        for name, dropped in keys.items():
            self.lanes[name].drop(frozenset(dropped))
        await self.rest()
        self.paging.revoked(lost)
        for partition in lost:
            self.places.forget(partition)
            self.backlogs.pop(partition, None)

    async def rest(self) -> None:
        """Waits a moment for what is under way, and for everything to be written down."""
        with suppress(TimeoutError):
            async with asyncio.timeout(LEAVING_SECONDS):
                await asyncio.gather(*(lanes.idle() for lanes in self.lanes.values()))
        with suppress(TimeoutError):
            async with asyncio.timeout(LEAVING_SECONDS):
                await self.delivered.flush()

    async def _leave(self, tasks: list[asyncio.Task[Any]]) -> None:
        for lanes in self.lanes.values():
            lanes.hold()
        await self.rest()
        await self.commit(now=True)
        for task in tasks:
            task.remove_done_callback(self._ended)
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self.callbacks is not None:
            await self.callbacks.stop()
        await self.broker.stop()
        for pager in self.pagers.values():
            await pager.close()

    def _ended(self, task: asyncio.Task[Any]) -> None:
        if not task.cancelled():
            fail_stop("task", f"{task.get_name()}: {task.exception()!r}")


def settings_topic(settings: Settings) -> str:
    """The alerts topic."""
    return settings.topic(topics.ALERTS)
