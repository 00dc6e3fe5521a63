"""Better dead than wrong: ends the dispatcher when it can no longer remember what it does. A supervisor restarts it."""

from __future__ import annotations

import asyncio
import logging
import os
from time import monotonic
from typing import NoReturn

STOPPED = 70  # exit code after a fail stop
FENCED = 75  # exit code when we stood still for so long that another may have taken over
PULSE_SECONDS = 0.2

log = logging.getLogger("crs.dispatch")


def fail_stop(reason: str, detail: str = "", code: int = STOPPED) -> NoReturn:
    """Ends the process at once: nothing on its way is confirmed, so it will be done again, in the same words."""
    log.critical("fail stop: %s %s", reason, detail)
    logging.shutdown()
    os._exit(code)


class Fence:
    """Knows whether the loop stood still for so long that our partitions may belong to another by now."""

    def __init__(self, longest_seconds: float) -> None:
        self.longest_seconds = longest_seconds
        self._beat_at: float | None = None

    async def pulse(self) -> None:
        """Beats for as long as the loop turns."""
        while True:
            self.check()
            self._beat_at = monotonic()
            await asyncio.sleep(PULSE_SECONDS)

    def check(self) -> None:
        """Ends the process if it stood still. To be asked right before anything is written or sent."""
        stood_still = 0.0 if self._beat_at is None else monotonic() - self._beat_at
        if stood_still > self.longest_seconds:
            fail_stop("stood_still", f"for {stood_still:.1f} s", FENCED)
