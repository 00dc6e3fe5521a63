"""Waits for a state instead of for a time: a busy machine makes a test slower, not red."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
POLL_SECONDS = 0.05


def wait_until(condition: Callable[[], T | None], what: str, seconds: float = 60) -> T:
    """Polls `condition` until it gives something true, and returns that.

    Raises AssertionError naming `what` when `seconds` have passed without it.
    """
    deadline = time.monotonic() + seconds
    while True:
        result = condition()
        if result:
            return result
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what}"
        time.sleep(POLL_SECONDS)
