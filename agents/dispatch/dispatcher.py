"""The process around paging: hears alerts, remembers what was decided, hands pages to their destinations.

Nothing is sent before its case is written down and confirmed by the brokers; the place on the alerts topic is committed
only after that. So a crash repeats a page in the same words and under the same id, and never loses one.
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
from agents.dispatch.broker import Broker
from agents.dispatch.callbacks import CallbackServer
from agents.dispatch.config import AlertmanagerAt, PagingConfig
from agents.dispatch.delivery_log import DeliveryLog
from agents.dispatch.destination_queue import Backoff, Lanes
from agents.dispatch.executor import Executor
from agents.dispatch.pagers import http
from agents.dispatch.pagers.answer import Pager
from agents.dispatch.paging import Paging
from agents.dispatch.patient_locations import PatientLocations
from agents.dispatch.silences import Silences
from agents.platform import health
from agents.platform.fail_stop import Fence, fail_stop
from agents.platform.settings import Settings
from agents.platform.signals import set_on_stop
from schemas import topics

CLOCK_SECONDS = 1.0
WRITING_SECONDS = 5.0
ALIVE_PATIENCE_SECONDS = 10.0

log = logging.getLogger("crs.dispatch")


class Dispatcher:
    """One process. `run` comes back after a clean leave; every other end is a fail stop."""

    def __init__(self, settings: Settings, plan: PagingConfig, pagers: Mapping[str, Pager], patience: Backoff) -> None:
        self.settings = settings
        self.plan = plan
        self.pagers = pagers
        self.paging = Paging(plan.rules())
        self.broker = Broker(settings, settings.topic_prefix + plan.group)
        self.fence = Fence(settings.session_timeout_seconds / 2)
        self.delivered = DeliveryLog(self.broker.producer, topic_specs.delivered(settings), self.fence)
        self.hands = Executor(self.paging, self.delivered, plan, pagers, patience)
        self.assessments = Assessments(self.broker.producer, settings.topic(topics.ASSESSMENTS))
        self.callbacks: CallbackServer | None = None
        if plan.callbacks is not None:
            self.callbacks = CallbackServer(plan.callbacks, self.paging.find, self.assessments)
        places = PatientLocations()
        secret = plan.reference_secret.get_secret_value().encode()
        token = None if plan.callbacks is None else plan.callbacks.token.get_secret_value().encode()
        self.hearing = AlertConsumer(
            self.paging, self.hands, AlertReader(secret, places, plan.link, token), self.broker
        )
        self.ownership = PartitionAssignment(settings, plan, self.hands, self.hearing, places, self.broker)
        self.leaving = asyncio.Event()
        self._moved_at = monotonic()

    async def run(self) -> None:
        """Until SIGTERM or SIGINT, or `leaving` is set."""
        set_on_stop(self.leaving)
        if self.settings.metrics_port:
            health.serve(self.settings.metrics_host, self.settings.metrics_port, self.wrong, self.not_ready)
        metrics.STARTS.inc()
        if self.callbacks is not None:
            await self.callbacks.start()
            log.info("callbacks on %s:%d", self.callbacks.at.host, self.callbacks.port)
            if self.callbacks.at.open_to_others:
                log.warning("callbacks are open to other machines and speak no TLS: put a proxy with TLS before them")
        await self.broker.start(self.settings.topic(topics.ALERTS), self.ownership)
        tasks = [asyncio.create_task(work, name=name) for name, work in self._works()]
        for task in tasks:
            task.add_done_callback(ended)
        try:
            await self.hearing.run(self.leaving)
        finally:
            await self._leave(tasks)

    # What is wrong with us, for whoever asks.

    def wrong(self) -> str | None:
        """Not alive: the loop does not turn. None: nothing is wrong."""
        still = monotonic() - self._moved_at
        return f"the clock stands still for {still:.0f} s" if still > self.settings.stall_seconds else None

    def not_ready(self) -> str | None:
        """Not ready: no partition yet, brokers away, or still reading what piled up."""
        if not self.paging.heard_at:
            return "no partitions"
        if self.delivered.writing_seconds > WRITING_SECONDS:
            return f"brokers have taken no rows for {self.delivered.writing_seconds:.0f} s"
        return "reading what piled up" if self.hearing.backlogs else self.wrong()

    def _works(self) -> Iterable[tuple[str, Any]]:
        yield "delivered", self.delivered.run()
        yield "clock", self._clock()
        yield "pulse", self.fence.heartbeat()
        yield "places", self.ownership.follow_places()
        if self.plan.alive_url is not None:
            yield "alive", self._say_alive(self.plan.alive_url.get_secret_value())
        for name, lanes in self.hands.lanes.items():
            yield f"lanes {name}", lanes.run()
            if lanes.pager.refresh_seconds is not None:
                yield f"refresh {name}", self._refresh(name, lanes, lanes.pager.refresh_seconds)
        for name, at in self.plan.destinations.items():
            if isinstance(at, AlertmanagerAt) and at.poll_silences_seconds:
                yield f"silences {name}", Silences(at, self.paging.find, self.assessments).run()

    async def _clock(self) -> None:
        """Once a second; it does not wait for brokers, which may be away for longer."""
        while True:
            if not self.ownership.moving:
                self.hands.obey(self.paging.ticked(datetime.now(UTC)))
            self.hands.count()
            self._moved_at = monotonic()
            await asyncio.sleep(CLOCK_SECONDS)

    async def _say_alive(self, url: str) -> None:
        """A dead-man's switch outside hears of us as long as every heartbeat comes through."""
        client = http.Client(ALIVE_PATIENCE_SECONDS, 1)
        try:
            while True:
                if self.paging.all_heard(datetime.now(UTC)):
                    answer = await client.post(url, b'{"alive": true}')
                    if answer.outcome != "taken":
                        log.warning("alive outcome=%s why=%s", answer.outcome, answer.why)
                await asyncio.sleep(self.plan.alive_seconds)
        finally:
            await client.close()

    async def _refresh(self, name: str, lanes: Lanes, every_seconds: float) -> None:
        """As soon as we know what is open, and then again and again, also while brokers are away."""
        while True:
            if not self.paging.heard_at or self.hearing.backlogs:
                await asyncio.sleep(min(0.2, every_seconds))
                continue
            alive = self.paging.all_heard(datetime.now(UTC))
            answer = await lanes.refresh(lambda taken: self.paging.open_pages(name, taken), alive=alive)
            if answer.outcome != "taken":
                log.warning("refresh destination=%s outcome=%s why=%s", name, answer.outcome, answer.why)
            await asyncio.sleep(every_seconds)

    async def _leave(self, tasks: list[asyncio.Task[Any]]) -> None:
        for lanes in self.hands.lanes.values():
            lanes.hold()
        await self.hands.rest()
        await self.hearing.commit(now=True)
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
    """None of our works ends by itself: one that does takes the process with it."""
    if not task.cancelled():
        fail_stop("task", f"{task.get_name()}: {task.exception()!r}")
