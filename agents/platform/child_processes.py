"""Child processes that never outlive us: brokers and workers that a launcher or a test has started.

On Linux the kernel kills a child when the thread that started it ends, so one thread that lives as long as this process
starts them all. Elsewhere whoever started a child ends it.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from queue import SimpleQueue
from threading import Thread
from typing import Any

# Run by a small interpreter that then becomes the command; 1 is PR_SET_PDEATHSIG.
BOUND = (
    "import ctypes, os, signal, sys\n"
    "ctypes.CDLL(None).prctl(1, signal.SIGKILL)\n"
    "os.getppid() == int(sys.argv[1]) or os._exit(1)\n"
    "os.execvp(sys.argv[2], sys.argv[2:])\n"
)
ORDERS: SimpleQueue[tuple[Future[subprocess.Popen[Any]], Callable[[], subprocess.Popen[Any]]]] = SimpleQueue()


def _spawn() -> None:
    """Carries out the orders, as long as this process lives."""
    while True:
        started, order = ORDERS.get()
        try:
            started.set_result(order())
        except Exception as error:
            started.set_exception(error)


# An executor would wait for its thread at the end, forever if Ctrl-C came just as the thread was starting.
Thread(target=_spawn, name="spawner", daemon=True).start()


def start(command: Sequence[str], **popen: Any) -> subprocess.Popen[Any]:
    """Starts a command in a session of its own (no Ctrl-C of ours reaches it) that dies when we die."""
    if sys.platform == "linux":
        command = [sys.executable, "-I", "-S", "-c", BOUND, str(os.getpid()), *command]
    popen.setdefault("start_new_session", True)
    started: Future[subprocess.Popen[Any]] = Future()
    ORDERS.put((started, lambda: subprocess.Popen(command, **popen)))
    return started.result()


def end(children: Sequence[subprocess.Popen[Any]], grace_seconds: float = 10.0) -> None:
    """Asks all of them to stop, waits, and kills those that are still there."""
    for child in children:
        if child.poll() is None:
            child.send_signal(signal.SIGCONT)
            child.terminate()
    until = time.monotonic() + grace_seconds
    for child in children:
        try:
            child.wait(max(0.0, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
