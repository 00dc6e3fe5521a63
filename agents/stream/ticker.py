"""The ticker: writes the clock into the log, so that time is an event like any other. It decides nothing."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Iterable
from functools import partial
from time import time
from typing import Any

from agents.platform.fail_stop import FENCES
from agents.platform.settings import Settings
from agents.stream.producer import ConfirmedProducer
from monitor.units.instants import SECOND, to_datetime
from schemas import topics

# A worker whose clock runs ahead of the broker's by more must not move anyone's deadlines.
AHEAD_MS = 5 * SECOND
NO_CLOCK_MS = 946_684_800_000  # before the year 2000

log = logging.getLogger("crs.ticker")


class Ticker:
    """One tick into every partition that this worker judges. Any number of tickers is harmless."""

    def __init__(self, settings: Settings, outbox: ConfirmedProducer, partitions: Callable[[], Iterable[int]]) -> None:
        self.settings = settings
        self.outbox = outbox
        self.ahead_ms = 0
        self._partitions = partitions
        self._log = settings.topic(topics.PATIENT_EVENTS)

    async def run(self) -> None:
        """Ticks on whole steps of the clock, for ever."""
        step = self.settings.tick_seconds
        while True:
            await asyncio.sleep(step - time() % step)
            await self.tick(round(time() * 1000))

    async def tick(self, at: int) -> None:
        """One tick into each partition, unless our clock cannot be trusted."""
        whole = at - at % SECOND
        if self.ahead_ms > AHEAD_MS:
            FENCES.labels("clock_ahead").inc()
            log.error("our clock is %.1f s ahead of the broker's: not ticking", self.ahead_ms / 1000)
            self.ahead_ms = 0  # Tried again with the next tick: the clock may have been set right.
            return
        value = json.dumps({"type": "tick", "effective_at": to_datetime(whole).isoformat()}).encode()
        for partition in self._partitions():
            await self.outbox.send(self._log, value, None, partition, confirmed=partial(self._compare, at))

    def _compare(self, at: int, confirmed_as: Any) -> None:
        """How far our clock was ahead when the broker appended a tick; only some brokers' topics say.

        The embedded broker counts from its own start: that is no clock to hold ours against.
        """
        if confirmed_as.timestamp_type == 1 and confirmed_as.timestamp > NO_CLOCK_MS:
            self.ahead_ms = at - confirmed_as.timestamp
