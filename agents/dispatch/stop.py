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


async def pulse(longest_seconds: float) -> None:
    """Ends the process when the loop stood still for that long: our partitions may belong to another by now."""
    while True:
        before = monotonic()
        await asyncio.sleep(PULSE_SECONDS)
        stood_still = monotonic() - before - PULSE_SECONDS
        if stood_still > longest_seconds:
            fail_stop("stood_still", f"for {stood_still:.1f} s", FENCED)
