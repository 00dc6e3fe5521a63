"""Better dead than wrong: ends the process when going on could lose or falsify data. A supervisor starts it again.

A worker that was paused (a frozen machine, a stopped process) may have lost its partitions to another worker meanwhile.
So every write first checks for a pause, and a watchdog thread ends a process whose work makes no progress.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from time import monotonic
from typing import NoReturn

from prometheus_client import Counter as Metric

STOPPED = 70  # exit code of a fail stop
FENCED = 75  # exit code after a pause that was too long
STALLED = 76  # exit code of the watchdog
BEAT_SECONDS = 0.2

FENCES = Metric("crs_fences_total", "Times a process ended itself rather than do harm, by reason.", ["reason"])
log = logging.getLogger("crs.fence")
_reason_files: list[Path] = []


def load_reasons(path: Path) -> None:
    """Counts the reasons of earlier fail stops in the metric, and appends the reason of a later one to the same file.

    A process loses its counters when it ends; the file keeps them, one reason a line.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists():
        for reason, ends in Counter(path.read_text(encoding="utf-8").split()).items():
            FENCES.labels(reason).inc(ends)
    _reason_files[:] = [path]


def fail_stop(reason: str, detail: object = "", code: int = STOPPED) -> NoReturn:
    """Ends the process at once. Nothing that is in flight is acknowledged, so it will be done again.

    `detail`: a text, or the exception that is the cause; then the log has its traceback too.
    """
    FENCES.labels(reason).inc()
    cause = detail if isinstance(detail, BaseException) else sys.exception()
    log.critical("fail stop: %s %s", reason, detail if detail is not cause else repr(cause), exc_info=cause)
    for path in _reason_files:
        with suppress(OSError), path.open("a", encoding="utf-8") as lines:
            lines.write(f"{reason}\n")
    logging.shutdown()
    os._exit(code)


class Fence:
    """Detects that the event loop was paused.

    `longest_seconds`: the longest pause allowed, half the session timeout: after it partitions may have moved.
    """

    def __init__(self, longest_seconds: float) -> None:
        self.longest_seconds = longest_seconds
        self._beat_at: float | None = None

    async def heartbeat(self) -> None:
        """Notes that the loop runs, several times a second and for ever."""
        while True:
            self.check()
            self._beat_at = monotonic()
            await asyncio.sleep(BEAT_SECONDS)

    def check(self) -> None:
        """Ends the process after a pause that was too long. Call it right before every write."""
        if self.stalled_seconds() > self.longest_seconds:
            fail_stop("stood_still", f"for {self.stalled_seconds():.1f} s", FENCED)

    def stalled_seconds(self) -> float:
        """Seconds since the last heartbeat; 0 before the first."""
        return 0.0 if self._beat_at is None else monotonic() - self._beat_at


class Watchdog(threading.Thread):
    """Ends the process when its work makes no progress. A thread, because a hanging event loop cannot notice that."""

    def __init__(self, stuck: Callable[[], str | None], every_seconds: float = 1.0) -> None:
        """`stuck`: returns why the work makes no progress, or None while it does."""
        super().__init__(name="watchdog", daemon=True)
        self.stuck = stuck
        self.every_seconds = every_seconds
        self._ended = threading.Event()

    def run(self) -> None:
        """Checks periodically until `end`."""
        while not self._ended.wait(self.every_seconds):
            reason = self.stuck()
            if reason is not None:
                fail_stop("watchdog", reason, STALLED)

    def end(self) -> None:
        """Stops checking: the process is leaving in good order."""
        self._ended.set()
