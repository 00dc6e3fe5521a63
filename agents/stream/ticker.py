"""The ticker: appends the time to each partition of the log once a second, so that time is an event like any other."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Iterable
from functools import partial
from time import time

from agents.engine.log_time import append_time
from agents.engine.records import Appended
from agents.platform.fail_stop import FENCES
from agents.platform.settings import Settings
from agents.stream.producer import ConfirmedProducer
from monitor.units import SECOND, to_datetime
from schemas import topics

# A worker whose clock is further ahead of the broker's must not make anything fall due.
AHEAD_MS = 5 * SECOND

log = logging.getLogger("crs.ticker")


class Ticker:
    """Ticks the partitions that this worker owns. Several tickers for one partition are harmless."""

    def __init__(
        self, settings: Settings, producer: ConfirmedProducer, partitions: Callable[[], Iterable[int]]
    ) -> None:
        self.settings = settings
        self.producer = producer
        self.ahead_ms = 0
        self._partitions = partitions
        self._log = settings.topic(topics.PATIENT_EVENTS)

    async def run(self) -> None:
        """Ticks at whole multiples of `tick_seconds`, until cancelled."""
        step = self.settings.tick_seconds
        while True:
            await asyncio.sleep(step - time() % step)
            await self.tick(round(time() * 1000))

    async def tick(self, at: int) -> None:
        """Appends one tick to each partition, unless our clock is wrong. `at`: ms since 1970."""
        whole = at - at % SECOND
        if self.ahead_ms > AHEAD_MS:
            FENCES.labels("clock_ahead").inc()
            log.error("our clock is %.1f s ahead of the broker's: not ticking", self.ahead_ms / 1000)
            self.ahead_ms = 0  # The next tick is sent and measured again: the clock may have been corrected.
            return
        value = json.dumps({"type": "tick", "effective_at": to_datetime(whole).isoformat()}).encode()
        for partition in self._partitions():
            await self.producer.send(self._log, value, None, partition, confirmed=partial(self._compare, at))

    def _compare(self, at: int, appended: Appended) -> None:
        """Measures how far our clock was ahead when the broker appended a tick, if the topic keeps the broker's time.

        The embedded broker counts from its own start, so its time says nothing about ours.
        """
        appended_at = append_time(appended)
        if appended_at is not None:
            self.ahead_ms = at - appended_at
