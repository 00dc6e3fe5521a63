"""A worker: intake, watch and ticker around the judgement; how it starts, leaves and fails in good order."""

from __future__ import annotations

import asyncio
import gc
import logging
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from time import monotonic
from typing import Any

from faust.types import TP

from agents.brokers import preflight
from agents.platform import fail_stop as fence
from agents.platform import health
from agents.platform.fail_stop import Fence, Watchdog, fail_stop
from agents.platform.guideline_option import load_guideline
from agents.platform.settings import Settings
from agents.platform.signals import set_on_stop
from agents.stream import faust_app, metrics
from agents.stream.faust_transport import BatchTransport
from agents.stream.intake import Intake
from agents.stream.producer import ConfirmedProducer
from agents.stream.ticker import Ticker
from agents.stream.watch import PartitionWatch
from schemas import topics

LEAVING_SECONDS = 20.0
LOOK_SECONDS = 1.0
PULSE_OF_LIFE = 1.0  # seconds since the last beat up to which we may still write
GARBAGE_AFTER = 50_000  # new objects; states have no cycles, so that nearly all of them are freed by counting
LAG_BOUND_EVENTS = 10_000
LAG_BOUND_SECONDS = 30.0

log = logging.getLogger("crs.worker")


class Worker:
    """One process. `run` comes back after a clean leave; every other end is a fail stop."""

    def __init__(self, settings: Settings) -> None:
        """Raises UserError for a profile that does not exist."""
        self.settings = settings
        guideline = load_guideline(settings.profile)
        self.fence = Fence(settings.session_timeout_seconds / 2)
        self.outbox = ConfirmedProducer(settings, self.fence)
        self.intake = Intake(settings, self.outbox)
        self.app = faust_app.build(settings, self._feed, self._story)
        self.log_topic = settings.topic(topics.PATIENT_EVENTS)
        self.watch = PartitionWatch(
            settings,
            guideline,
            self.outbox,
            lambda partition: faust_app.rows_of(self.app).held(partition),
            lambda: int(self.app.consumer_generation_id),
            lambda partition: faust_app.log_begins(self.app, self.log_topic, partition),
        )
        self.ticker = Ticker(settings, self.outbox, self.partitions)
        self.began_at = monotonic()
        self.ready_at: float | None = None
        self.leaving = asyncio.Event()
        BatchTransport.markers = self._markers
        self.app.on_partitions_revoked.connect(self._revoked)
        self.app.on_partitions_assigned.connect(self._assigned)

    async def run(self) -> None:
        """From the first look at the brokers to the last acknowledgement."""
        gc.set_threshold(GARBAGE_AFTER, 20, 50)
        await asyncio.to_thread(preflight.require_all, self.settings)
        server = None
        if self.settings.metrics_port:
            server = health.serve(
                self.settings.metrics_host, self.settings.metrics_port, self.unhealthy, self.not_ready
            )
        count_start(self.settings.data_dir)
        fence.load_reasons(self.settings.data_dir / "ends")
        set_on_stop(self.leaving)
        await self.outbox.start()
        tasks = [asyncio.create_task(each) for each in (self.fence.heartbeat(), self._poll(), self.ticker.run())]
        watchdog = Watchdog(self.stalled)
        watchdog.start()
        starting = asyncio.create_task(self.app.start())
        gone = asyncio.create_task(self._gone(starting, tasks))
        leaving = asyncio.create_task(self.leaving.wait())
        await asyncio.wait((gone, leaving), return_when=asyncio.FIRST_COMPLETED)
        if gone.done():
            fail_stop("crashed", gone.result())
        log.info("leaving")
        watchdog.end()
        try:
            await asyncio.wait_for(self._leave(starting, [*tasks, gone]), LEAVING_SECONDS)
        except TimeoutError:
            fail_stop("leaving", f"not done in {LEAVING_SECONDS:g} s")
        if server is not None:
            server.shutdown()

    async def _leave(self, starting: asyncio.Task[Any], tasks: list[asyncio.Task[Any]]) -> None:
        """What was told is written down and acknowledged; then the group is left and the connections closed."""
        for task in tasks:
            task.cancel()
        await self.watch.checkpoint(whole=True)
        await self.intake.drain()
        starting.cancel()
        with suppress(asyncio.CancelledError):
            await starting
        await self.app.stop()
        await self.outbox.stop()

    async def _gone(self, starting: asyncio.Task[Any], tasks: list[asyncio.Task[Any]]) -> str:
        """Comes back with a reason when Faust or a task of ours has ended by itself."""
        await asyncio.wait((starting, *tasks), return_when=asyncio.FIRST_EXCEPTION)
        for task in (starting, *tasks):
            if task.done() and not task.cancelled() and task.exception() is not None:
                return repr(task.exception())
        while not self.app.should_stop and not self.app.crashed:
            await asyncio.sleep(LOOK_SECONDS)
        return f"Faust ended: {self.app.crash_reason!r}"

    async def _feed(self, event: Any) -> None:
        message = event.message
        if message.generation_id == self.app.consumer_generation_id:
            await guarded(self.intake.take(message.topic, message.value, event.ack))

    async def _story(self, event: Any) -> None:
        message = event.message
        since = message.first_offset
        taking = self.watch.take(message.partition, message.value, message.generation_id, event.ack, since)
        await guarded(taking)

    async def _revoked(self, *_: Any, **__: Any) -> None:
        """Patients may be another's soon: what was judged is written down first, while they are still ours."""
        self._mark_unready()
        if self.fence.stalled_seconds() < PULSE_OF_LIFE:
            with suppress(TimeoutError):
                await asyncio.wait_for(self.watch.checkpoint(whole=True), self.settings.session_timeout_seconds / 2)
        self.watch.release()

    async def _assigned(self, *_: Any, **__: Any) -> None:
        metrics.REBALANCES.inc()
        self.watch.release()
        self.intake.next_offsets.clear()
        self.began_at = monotonic()

    async def _poll(self) -> None:
        """Once a second: write down what is due, and measure."""
        while True:
            await asyncio.sleep(min(LOOK_SECONDS, max(self.settings.checkpoint_seconds, 0.05)))
            await self.watch.checkpoint()
            self._measure()

    def _mark_unready(self) -> None:
        """Not ready any more. The watchdog's patience counts from when the partitions went, not from when they came."""
        if self.ready_at is not None:
            self.ready_at, self.began_at = None, monotonic()

    def _measure(self) -> None:
        recovered = faust_app.has_recovered(self.app)
        if recovered and self.ready_at is None:
            self.ready_at = monotonic()
            log.info("ready: %d partitions", len(self.partitions()))
        elif not recovered:
            self._mark_unready()
        for tp, lag in (self.lags() | self.feed_lags()).items():
            metrics.LAG.labels(tp.topic, str(tp.partition)).set(lag)
        at = monotonic()
        for partition, desk in self.watch.desks.items():
            metrics.MARKER_AGE.labels(str(partition)).set(at - desk.written_at)
        metrics.READY.set(self.not_ready() is None)

    def partitions(self) -> list[int]:
        """The partitions of the log that are ours and whose rows are here."""
        if self.ready_at is None:
            return []
        return sorted(tp.partition for tp in self.app.consumer.assignment() if tp.topic == self.log_topic)

    def lags(self) -> dict[TP, int]:
        """Records of the log that wait to be judged, by partition."""
        desks = list(self.watch.desks.items())
        return self._behind({TP(self.log_topic, partition): desk.shard.next_offset for partition, desk in desks})

    def feed_lags(self) -> dict[TP, int]:
        """Records of feeds that wait to be taken into the log, by partition."""
        return self._behind({TP(*place): offset for place, offset in list(self.intake.next_offsets.items())})

    def _behind(self, positions: Mapping[TP, int]) -> dict[TP, int]:
        ends = {tp: self.app.consumer.highwater(tp) for tp in positions}
        return {tp: max(0, end - positions[tp]) for tp, end in ends.items() if end is not None}

    def unhealthy(self) -> str | None:
        """Why the process should be ended; None: it lives."""
        still = self.fence.stalled_seconds()
        return f"the event loop has not turned for {still:.0f} s" if still > self.settings.stall_seconds else None

    def not_ready(self) -> str | None:
        """Why nobody should rely on this worker now; None: it has its patients and keeps up."""
        if self.ready_at is None:
            return "not assigned or not recovered yet"
        behind = sum(self.lags().values()) + sum(self.feed_lags().values())
        slow = monotonic() - self.watch.folded_at > LAG_BOUND_SECONDS and behind > 0
        return f"{behind} records behind" if behind > LAG_BOUND_EVENTS or slow else None

    def stalled(self) -> str | None:
        """Why the work does not move; None while it does. Asked by the watchdog, from its thread."""
        ailing = self.unhealthy()
        if ailing is not None:
            return ailing
        settings, at = self.settings, monotonic()
        if self.ready_at is None:
            patience = 2 * settings.session_timeout_seconds + settings.rebalance_timeout_seconds
            waited = at - self.began_at
            return f"no partitions for {waited:.0f} s" if waited > patience + 4 * settings.stall_seconds else None
        idle = at - max(self.watch.folded_at, self.ready_at)
        waiting = any(lag > 0 for lag in self.lags().values())
        expected = waiting or bool(self.partitions())  # where nothing else comes, ticks do
        if expected and idle > settings.stall_seconds + settings.tick_seconds:
            return f"nothing folded for {idle:.0f} s"
        return None

    def _markers(self) -> dict[TP, int]:
        """Where each partition of the log goes on: where its rows were written down."""
        store = faust_app.rows_of(self.app)
        owned: Iterable[TP] = self.app.consumer.assignment()
        return {tp: store.held(tp.partition).marker.next_offset for tp in owned if tp.topic == self.log_topic}


async def guarded(work: Any) -> None:
    """A defect in our own plumbing must not acknowledge anything: the process ends."""
    try:
        await work
    except Exception as error:
        log.exception("a defect outside the judgement")
        fail_stop("defect", type(error).__name__)


def count_start(data_dir: Path) -> None:
    """How often a worker was started with this data directory: a loop of restarts shows."""
    path = data_dir / "starts"
    data_dir.mkdir(parents=True, exist_ok=True)
    try:
        starts = int(path.read_text()) + 1
    except (OSError, ValueError):
        starts = 1
    path.write_text(str(starts))
    metrics.STARTS.inc(starts)
