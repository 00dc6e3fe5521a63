"""Better dead than wrong: ends the process when going on could lose or falsify something. A supervisor starts it again.

A worker that was paused (a frozen machine, a stopped process) may have lost its patients to another one meanwhile. So
every write asks first whether we stood still, and a thread of its own ends a process whose work does not move.
"""

from __future__ import annotations

import asyncio
import logging
import os
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from time import monotonic
from typing import NoReturn

from prometheus_client import Counter as Metric

STOPPED = 70  # exit code after a fail stop
FENCED = 75  # exit code when we stood still for too long
STALLED = 76  # exit code of the watchdog
PULSE_SECONDS = 0.2

FENCES = Metric("crs_fences_total", "Times a process ended itself rather than do harm, by reason.", ["reason"])
log = logging.getLogger("crs.fence")
_ledgers: list[Path] = []


def load_reasons(ledger: Path) -> None:
    """Reasons of earlier ends are counted on, and that of ours will be: a process takes its own counters with it."""
    ledger.parent.mkdir(parents=True, exist_ok=True)
    if ledger.exists():
        for reason, ends in Counter(ledger.read_text(encoding="utf-8").split()).items():
            FENCES.labels(reason).inc(ends)
    _ledgers[:] = [ledger]


def fail_stop(reason: str, detail: object = "", code: int = STOPPED) -> NoReturn:
    """Ends the process at once: nothing that is on its way is confirmed, so it will be done again."""
    FENCES.labels(reason).inc()
    log.critical("fail stop: %s %s", reason, detail)
    for ledger in _ledgers:
        with suppress(OSError), ledger.open("a", encoding="utf-8") as lines:
            lines.write(f"{reason}\n")
    logging.shutdown()
    os._exit(code)


class Fence:
    """Knows whether the event loop stood still. `longest_seconds`: half the session, or patients could be elsewhere."""

    def __init__(self, longest_seconds: float) -> None:
        self.longest_seconds = longest_seconds
        self._beat_at: float | None = None

    async def heartbeat(self) -> None:
        """Beats for as long as the loop turns."""
        while True:
            self.check()
            self._beat_at = monotonic()
            await asyncio.sleep(PULSE_SECONDS)

    def check(self) -> None:
        """Ends the process if it stood still. To be asked right before anything is sent."""
        if self.stalled_seconds() > self.longest_seconds:
            fail_stop("stood_still", f"for {self.stalled_seconds():.1f} s", FENCED)

    def stalled_seconds(self) -> float:
        """Seconds since the last beat; 0 before the first."""
        return 0.0 if self._beat_at is None else monotonic() - self._beat_at


class Watchdog(threading.Thread):
    """Ends the process when its work does not move. A thread, because a loop that hangs cannot tell that it does."""

    def __init__(self, stuck: Callable[[], str | None], every_seconds: float = 1.0) -> None:
        """`stuck`: why the work does not move; None while it does."""
        super().__init__(name="watchdog", daemon=True)
        self.stuck = stuck
        self.every_seconds = every_seconds
        self._ended = threading.Event()

    def run(self) -> None:
        """Looks once in a while, until told to end."""
        while not self._ended.wait(self.every_seconds):
            reason = self.stuck()
            if reason is not None:
                fail_stop("watchdog", reason, STALLED)

    def end(self) -> None:
        """The worker leaves on purpose."""
        self._ended.set()
