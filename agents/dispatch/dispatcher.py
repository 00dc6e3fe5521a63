"""The dispatch process: connects the Kafka consumers, the paging state machine, the queues and the callback server.

No page is sent before the brokers have confirmed the row of its case, and an alert's offset is committed only after
that. So a crash repeats a page unchanged and under the same id, and never loses one.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from time import monotonic
from typing import Any

from agents.brokers import topic_specs
from agents.dispatch import metrics
from agents.dispatch.alert_consumer import AlertConsumer
from agents.dispatch.alert_reader import AlertReader
from agents.dispatch.assessments import Assessments
from agents.dispatch.assignment import PartitionAssignment
from agents.dispatch.backoff import Backoff
from agents.dispatch.broker import Broker
from agents.dispatch.callbacks import CallbackServer
from agents.dispatch.config import PagingConfig
from agents.dispatch.delivery_log import DeliveryLog
from agents.dispatch.destination_queue import DestinationQueue
from agents.dispatch.executor import Executor
from agents.dispatch.heartbeat_reader import HeartbeatReader
from agents.dispatch.pagers.alertmanager import AlertmanagerConfig
from agents.dispatch.pagers.http import HttpClient
from agents.dispatch.pagers.protocol import Pager
from agents.dispatch.paging import Paging
from agents.dispatch.patient_locations import PatientLocations
from agents.dispatch.silences import Silences
from agents.platform import health
from agents.platform.fail_stop import Fence, fail_stop
from agents.platform.settings import Settings
from agents.platform.signals import set_on_stop
from schemas import topics

TICK_SECONDS = 1.0
WRITING_SECONDS = 5.0
ALIVE_TIMEOUT_SECONDS = 10.0

log = logging.getLogger("crs.dispatch")


class Dispatcher:
    """One process. `run` returns after SIGTERM or SIGINT; every other end is a fail stop."""

    def __init__(self, settings: Settings, config: PagingConfig, pagers: Mapping[str, Pager], backoff: Backoff) -> None:
        self.settings = settings
        self.config = config
        self.pagers = pagers
        self.paging = Paging(config.policy())
        self.broker = Broker(settings, settings.topic_prefix + config.group)
        self.fence = Fence(settings.session_timeout_seconds / 2)
        self.delivery_log = DeliveryLog(self.broker.producer, topic_specs.delivered_topic(settings), self.fence)
        self.executor = Executor(self.paging, self.delivery_log, config, pagers, backoff)
        self.assessments = Assessments(self.broker.producer, settings.topic(topics.ASSESSMENTS))
        self.callbacks: CallbackServer | None = None
        if config.callbacks is not None:
            self.callbacks = CallbackServer(config.callbacks, self.paging.find, self.assessments)
        locations = PatientLocations()
        secret = config.reference_secret.get_secret_value().encode()
        token = None if config.callbacks is None else config.callbacks.token.get_secret_value().encode()
        reader = AlertReader(secret, locations, config.link, token)
        self.consumer = AlertConsumer(self.paging, self.executor, reader, self.broker)
        heartbeats = HeartbeatReader(self.paging, self.consumer.reads)
        self.assignment = PartitionAssignment(settings, config, self.consumer, locations, heartbeats)
        self.leaving = asyncio.Event()
        self._ticked_at = monotonic()

    async def run(self) -> None:
        """Runs until SIGTERM or SIGINT, or until `leaving` is set."""
        set_on_stop(self.leaving)
        if self.settings.metrics_port:
            health.serve(self.settings.metrics_host, self.settings.metrics_port, self.wrong, self.not_ready)
        metrics.STARTS.inc()
        if self.callbacks is not None:
            await self.callbacks.start()
            log.info("callbacks on %s:%d", self.callbacks.config.host, self.callbacks.port)
            if self.callbacks.config.open_to_others:
                log.warning("callbacks are open to other machines and have no TLS: put a proxy with TLS before them")
        await self.broker.start(self.settings.topic(topics.ALERTS), self.assignment)
        tasks = [asyncio.create_task(work, name=name) for name, work in self._tasks()]
        for task in tasks:
            task.add_done_callback(ended)
        try:
            await self.consumer.run(self.leaving)
        finally:
            await self._leave(tasks)

    def wrong(self) -> str | None:
        """Why the process is not alive: its event loop is blocked. None: it is alive."""
        still = monotonic() - self._ticked_at
        return f"the event loop is blocked for {still:.0f} s" if still > self.settings.stall_seconds else None

    def not_ready(self) -> str | None:
        """Why the process is not ready: no partition yet, brokers away, or a backlog. None: it is ready."""
        if not self.paging.partitions:
            return "no partitions"
        if self.delivery_log.writing_seconds > WRITING_SECONDS:
            return f"brokers have confirmed no rows for {self.delivery_log.writing_seconds:.0f} s"
        return "reading a backlog of alerts" if self.consumer.backlogs else self.wrong()

    def _tasks(self) -> Iterable[tuple[str, Any]]:
        yield "delivery log", self.delivery_log.run()
        yield "clock", self._tick()
        yield "fence", self.fence.heartbeat()
        yield "states", self.assignment.states.run()
        yield "heartbeats", self.assignment.heartbeats.run()
        if self.config.alive_url is not None:
            yield "alive", self._post_alive(self.config.alive_url.get_secret_value())
        for name, queue in self.executor.queues.items():
            yield f"queue {name}", queue.run()
            if queue.calls.pager.refresh_seconds is not None:
                yield f"refresh {name}", self._refresh(name, queue, queue.calls.pager.refresh_seconds)
        for name, destination in self.config.destinations.items():
            if isinstance(destination, AlertmanagerConfig) and destination.poll_silences_seconds:
                yield f"silences {name}", Silences(destination, self.paging.find, self.assessments).run()

    async def _tick(self) -> None:
        """Ticks once a second, also while brokers are away."""
        while True:
            if not self.assignment.moving:
                self.executor.execute(self.paging.ticked(datetime.now(UTC)))
            self.executor.update_metrics()
            self._ticked_at = monotonic()
            await asyncio.sleep(TICK_SECONDS)

    async def _post_alive(self, url: str) -> None:
        """Posts to an external dead-man's switch while every heartbeat is in time."""
        client = HttpClient(ALIVE_TIMEOUT_SECONDS, 1)
        try:
            while True:
                if self.paging.all_alive(datetime.now(UTC)):
                    answer = await client.post(url, b'{"alive": true}')
                    if answer.outcome != "accepted":
                        log.warning("alive outcome=%s why=%s", metrics.OUTCOME_LABELS[answer.outcome], answer.why)
                await asyncio.sleep(self.config.alive_seconds)
        finally:
            await client.close()

    async def _refresh(self, name: str, queue: DestinationQueue, every_seconds: float) -> None:
        """Sends the open set as soon as it is known, and then periodically, also while brokers are away."""
        while True:
            if not self.paging.partitions or self.consumer.backlogs:
                await asyncio.sleep(min(0.2, every_seconds))
                continue
            alive = self.paging.all_alive(datetime.now(UTC))
            answer = await queue.refresh(lambda accepted: self.paging.open_pages(name, accepted), alive=alive)
            if answer.outcome != "accepted":
                outcome = metrics.OUTCOME_LABELS[answer.outcome]
                log.warning("refresh destination=%s outcome=%s why=%s", name, outcome, answer.why)
            await asyncio.sleep(every_seconds)

    async def _leave(self, tasks: list[asyncio.Task[Any]]) -> None:
        for queue in self.executor.queues.values():
            queue.pause()
        await self.executor.drain()
        await self.consumer.commit(now=True)
        for task in tasks:
            task.remove_done_callback(ended)
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self.callbacks is not None:
            await self.callbacks.stop()
        await self.broker.stop()
        for pager in self.pagers.values():
            await pager.close()


def ended(task: asyncio.Task[Any]) -> None:
    """No task ends by itself: if one does, the process stops."""
    if not task.cancelled():
        fail_stop("task", task.exception() or f"{task.get_name()} returned")
