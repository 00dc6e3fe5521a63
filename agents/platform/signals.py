"""Ctrl-C for what has to be finished or put away: heard at once, heeded where it does no harm.

As an exception it comes up anywhere, and libraries that it comes up in may swallow it.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def stop_requested() -> Iterator[threading.Event]:
    """Set by Ctrl-C or a polite request; whoever asks a second time does not want to wait for what is on its way.

    Look at it with `is_set`; a `wait` in the main thread may hold the lock that the signal's handler wants.
    """
    leave = threading.Event()
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def ask(*_: object) -> None:
        leave.set()
        for number, handler in before.items():
            signal.signal(number, handler)

    for number in before:
        signal.signal(number, ask)
    try:
        yield leave
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
