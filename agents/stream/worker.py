"""The worker process: starts intake, watch and ticker, reports readiness, leaves the group, and ends when it must."""

from __future__ import annotations

import asyncio
import gc
import logging
from collections.abc import Awaitable, Iterable, Mapping
from contextlib import suppress
from time import monotonic
from typing import Any

from faust.types import TP

from agents.brokers import preflight
from agents.platform import health
from agents.platform.fail_stop import Fence, Watchdog, fail_stop, load_reasons
from agents.platform.guideline_option import load_guideline
from agents.platform.settings import Settings
from agents.platform.signals import set_on_stop
from agents.stream import faust_app, membership, metrics
from agents.stream.faust_app import BatchEvent
from agents.stream.faust_transport import BatchTransport
from agents.stream.intake import Intake
from agents.stream.log_formats import LogFormats
from agents.stream.producer import ConfirmedProducer
from agents.stream.ticker import Ticker
from agents.stream.watch import PartitionWatch
from schemas import topics

LEAVING_SECONDS = 20.0
POLL_SECONDS = 1.0
MAX_STALL_TO_WRITE = 1.0  # seconds without a beat of the event loop up to which we may still write
GARBAGE_AFTER = 50_000  # new objects; states have no reference cycles, so the collector finds little
LAG_BOUND_EVENTS = 10_000
LAG_BOUND_SECONDS = 30.0

log = logging.getLogger("crs.worker")


class Worker:
    """One process. `run` returns after a clean leave; every other end is a fail stop."""

    def __init__(self, settings: Settings) -> None:
        """Raises UserError for a profile that does not exist."""
        self.settings = settings
        guideline = load_guideline(settings.profile)
        self.fence = Fence(settings.session_timeout_seconds / 2)
        self.producer = ConfirmedProducer(settings, self.fence)
        self.app = faust_app.build(settings, self._take_feed, self._take_log)
        self.formats = LogFormats(settings)
        self.intake = Intake(settings, self.producer, self.formats, faust_app.Flow(self.app))
        self.log_topic = settings.topic(topics.PATIENT_EVENTS)
        self.watch = PartitionWatch(
            settings,
            guideline,
            self.producer,
            lambda partition: faust_app.rows_of(self.app).rows(partition),
            lambda: int(self.app.consumer_generation_id),
            lambda partition: faust_app.log_begin(self.app, self.log_topic, partition),
        )
        self.ticker = Ticker(settings, self.producer, self.partitions)
        self.began_at = monotonic()
        self.ready_at: float | None = None
        self.leaving = asyncio.Event()
        BatchTransport.markers = self._markers
        self.app.on_partitions_revoked.connect(self._revoked)
        self.app.on_partitions_assigned.connect(self._assigned)

    async def run(self) -> None:
        """Preflight, work until SIGTERM or SIGINT, a clean leave. Raises UserError when preflight finds a problem."""
        gc.set_threshold(GARBAGE_AFTER, 20, 50)
        await asyncio.to_thread(preflight.require_all, self.settings)
        server = None
        if self.settings.metrics_port:
            server = health.serve(
                self.settings.metrics_host, self.settings.metrics_port, self.unhealthy, self.not_ready
            )
        metrics.count_start(self.settings.data_dir)
        load_reasons(self.settings.data_dir / "ends")
        set_on_stop(self.leaving)
        await self.producer.start()
        works = (self.fence.heartbeat(), self._poll(), self.ticker.run(), self.formats.run())
        tasks = [asyncio.create_task(each) for each in works]
        watchdog = Watchdog(self.stalled)
        watchdog.start()
        starting = asyncio.create_task(self.app.start())
        ended = asyncio.create_task(self._ended(starting, tasks))
        leaving = asyncio.create_task(self.leaving.wait())
        await asyncio.wait((ended, leaving), return_when=asyncio.FIRST_COMPLETED)
        if ended.done():
            fail_stop("crashed", ended.result())
        log.info("leaving")
        watchdog.end()
        try:
            await asyncio.wait_for(self._leave(starting, [*tasks, ended]), LEAVING_SECONDS)
        except TimeoutError:
            fail_stop("leaving", f"not done in {LEAVING_SECONDS:g} s")
        if server is not None:
            server.shutdown()

    async def _leave(self, starting: asyncio.Task[Any], tasks: list[asyncio.Task[Any]]) -> None:
        """Writes rows, acknowledges, leaves the group and closes the connections."""
        for task in tasks:
            task.cancel()
        await self.watch.checkpoint(whole=True)
        await self.intake.drain()
        starting.cancel()
        with suppress(asyncio.CancelledError):
            await starting
        await self.app.stop()
        await self.producer.stop()

    async def _ended(self, starting: asyncio.Task[Any], tasks: list[asyncio.Task[Any]]) -> BaseException | str:
        """Returns the cause when Faust or a task of ours has ended by itself."""
        await asyncio.wait((starting, *tasks), return_when=asyncio.FIRST_EXCEPTION)
        for task in (starting, *tasks):
            if task.done() and not task.cancelled() and (error := task.exception()) is not None:
                return error
        while not self.app.should_stop and not self.app.crashed:
            await asyncio.sleep(POLL_SECONDS)
        return self.app.crash_reason or "Faust ended by itself"

    async def _take_feed(self, event: BatchEvent) -> None:
        batch = event.message
        if batch.generation_id == self.app.consumer_generation_id:
            await guarded(self.intake.take(batch.topic, batch.records, event.ack))

    async def _take_log(self, event: BatchEvent) -> None:
        batch = event.message
        assert batch.generation_id is not None, "every batch is given one"
        await guarded(
            self.watch.take(batch.partition, batch.records, batch.generation_id, event.ack, batch.first_offset)
        )

    async def _revoked(self, *_: Any, **__: Any) -> None:
        """Writes rows while the partitions are still ours: another worker may own them after the rebalance."""
        self._mark_unready()
        if self.fence.stalled_seconds() < MAX_STALL_TO_WRITE:
            with suppress(TimeoutError):
                await asyncio.wait_for(self.watch.checkpoint(whole=True), self.settings.session_timeout_seconds / 2)
        self.watch.release()

    async def _assigned(self, *_: Any, **__: Any) -> None:
        metrics.REBALANCES.inc()
        faust_app.report_shares(self.app, self.log_topic)
        self.watch.release()
        self.intake.forget()
        self.began_at = monotonic()

    async def _poll(self) -> None:
        """Once a second: writes the rows that are due, takes events that had to wait, and measures."""
        while True:
            await asyncio.sleep(min(POLL_SECONDS, max(self.settings.checkpoint_seconds, 0.05)))
            await self.watch.checkpoint()
            await self.intake.take_held()
            self._measure()

    def _mark_unready(self) -> None:
        """Not ready any more. The watchdog counts its patience from now, not from when the partitions were assigned."""
        if self.ready_at is not None:
            self.ready_at, self.began_at = None, monotonic()

    def _measure(self) -> None:
        recovered = faust_app.has_recovered(self.app, self.log_topic)
        if recovered and self.ready_at is None:
            self.ready_at = monotonic()
            log.info("ready: %d partitions", len(self.partitions()))
        elif not recovered:
            self._mark_unready()
        for tp, lag in (self.lags() | self.feed_lags()).items():
            metrics.LAG.labels(tp.topic, str(tp.partition)).set(lag)
        at = monotonic()
        for owned in self.watch.partitions.values():
            metrics.MARKER_AGE.labels(str(owned.number)).set(at - owned.written_at)
        metrics.READY.set(self.not_ready() is None)

    def partitions(self) -> list[int]:
        """The partitions of the log that this worker owns and has recovered."""
        if self.ready_at is None:
            return []
        return sorted(tp.partition for tp in self.app.consumer.assignment() if tp.topic == self.log_topic)

    def lags(self) -> dict[TP, int]:
        """Records of the log that wait to be judged, by partition."""
        owned = list(self.watch.partitions.values())
        return self._behind({TP(self.log_topic, one.number): one.partition.next_offset for one in owned})

    def feed_lags(self) -> dict[TP, int]:
        """Records of feeds that wait to be appended to the log, by partition."""
        return self._behind({TP(*tp): offset for tp, offset in list(self.intake.next_offsets.items())})

    def _behind(self, positions: Mapping[TP, int]) -> dict[TP, int]:
        ends = {tp: self.app.consumer.highwater(tp) for tp in positions}
        return {tp: max(0, end - positions[tp]) for tp, end in ends.items() if end is not None}

    def unhealthy(self) -> str | None:
        """Why the process should be ended (for /healthz); None: it is alive."""
        stalled = self.fence.stalled_seconds()
        return f"the event loop has not turned for {stalled:.0f} s" if stalled > self.settings.stall_seconds else None

    def not_ready(self) -> str | None:
        """Why this worker is not ready (for /readyz); None: it has recovered its patients and keeps up."""
        if self.ready_at is None:
            return "not assigned or not recovered yet"
        # A feed that waits for workers of an older build must not hold up the update that replaces them.
        feeds = (lag for tp, lag in self.feed_lags().items() if tuple(tp) not in self.intake.held.batches)
        behind = sum(self.lags().values()) + sum(feeds)
        slow = monotonic() - self.watch.judged_at > LAG_BOUND_SECONDS and behind > 0
        return f"{behind} records behind" if behind > LAG_BOUND_EVENTS or slow else None

    def stalled(self) -> str | None:
        """Why no progress is made; None while there is some. The watchdog calls this from its thread."""
        if (reason := self.unhealthy() or membership.lost(self.app, self.settings)) is not None:
            return reason
        settings, at = self.settings, monotonic()
        if self.ready_at is None:
            patience = 2 * settings.session_timeout_seconds + settings.rebalance_timeout_seconds
            waited = at - self.began_at
            return f"no partitions for {waited:.0f} s" if waited > patience + 4 * settings.stall_seconds else None
        idle = at - max(self.watch.judged_at, self.ready_at)
        waiting = any(lag > 0 for lag in self.lags().values())
        expected = waiting or bool(self.partitions())  # every owned partition gets at least ticks
        if expected and idle > settings.stall_seconds + settings.tick_seconds:
            return f"nothing judged for {idle:.0f} s"
        return None

    def _markers(self) -> dict[TP, int]:
        """The offset from which each partition of the log is read: the one in its marker."""
        store = faust_app.rows_of(self.app)
        owned: Iterable[TP] = self.app.consumer.assignment()
        return {tp: store.rows(tp.partition).marker.next_offset for tp in owned if tp.topic == self.log_topic}


async def guarded(work: Awaitable[None]) -> None:
    """Ends the process on any exception outside the judgement, so that nothing is acknowledged."""
    try:
        await work
    except Exception as error:
        fail_stop("defect", type(error).__name__)
