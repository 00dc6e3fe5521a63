"""Run until stopped: SIGINT (Ctrl-C) and SIGTERM set an event, and the work looks at it where stopping does no harm.

As an exception a signal can come up inside any library call, and some libraries swallow it.
"""

from __future__ import annotations

import asyncio
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)
POLL_SECONDS = 0.2


@contextmanager
def stop_requested(stopping: threading.Event | None = None) -> Iterator[threading.Event]:
    """Gives an event (`stopping`, or a new one) that the first SIGINT or SIGTERM sets.

    A second signal acts as it did before: who sends it does not want to wait. Outside the main thread, where Python
    allows no signal handlers, only the caller sets the event. Poll it with `is_set` or `wait_for_stop`: a `wait` in
    the main thread may hold the lock that the handler needs.
    """
    requested = threading.Event() if stopping is None else stopping
    if threading.current_thread() is not threading.main_thread():
        yield requested
        return
    before = {number: signal.getsignal(number) for number in STOP_SIGNALS}

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    def request(*_: object) -> None:
        requested.set()
        restore()

    for number in STOP_SIGNALS:
        signal.signal(number, request)
    try:
        yield requested
    finally:
        restore()


def wait_for_stop(stopping: threading.Event) -> None:
    """Returns when the event is set."""
    while not stopping.is_set():
        time.sleep(POLL_SECONDS)


def set_on_stop(stopping: asyncio.Event) -> None:
    """Lets SIGINT and SIGTERM set `stopping` for as long as the running event loop lives."""
    loop = asyncio.get_running_loop()
    for number in STOP_SIGNALS:
        loop.add_signal_handler(number, stopping.set)
