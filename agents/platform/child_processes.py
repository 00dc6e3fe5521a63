"""Child processes that end with this process: brokers and workers that a launcher, the demonstration or a test starts.

On Linux the kernel kills such a child when the *thread* that started it ends, so one thread that lives as long as this
process starts all of them. On other systems the caller must end its children.
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

# A small Python program that asks the kernel for SIGKILL when its parent ends and then becomes the command; prctl's
# option 1 is PR_SET_PDEATHSIG. It checks the parent's id, because the parent may have ended before the request.
DIE_WITH_PARENT = (
    "import ctypes, os, signal, sys\n"
    "ctypes.CDLL(None).prctl(1, signal.SIGKILL)\n"
    "os.getppid() == int(sys.argv[1]) or os._exit(1)\n"
    "os.execvp(sys.argv[2], sys.argv[2:])\n"
)
REQUESTS: SimpleQueue[tuple[Future[subprocess.Popen[Any]], Callable[[], subprocess.Popen[Any]]]] = SimpleQueue()


def _start_requested() -> None:
    """Starts the requested processes, for as long as this process lives."""
    while True:
        started, request = REQUESTS.get()
        try:
            started.set_result(request())
        except Exception as error:
            started.set_exception(error)


# Not an executor: it waits for its thread at exit, forever when Ctrl-C came while the thread was starting.
Thread(target=_start_requested, name="child-starter", daemon=True).start()


def start(command: Sequence[str], **popen: Any) -> subprocess.Popen[Any]:
    """Starts a command that is killed when this process ends; `popen`: arguments of subprocess.Popen.

    It gets a session of its own, so that a Ctrl-C in the terminal reaches only this process.
    """
    if sys.platform == "linux":
        command = [sys.executable, "-I", "-S", "-c", DIE_WITH_PARENT, str(os.getpid()), *command]
    popen.setdefault("start_new_session", True)
    started: Future[subprocess.Popen[Any]] = Future()
    REQUESTS.put((started, lambda: subprocess.Popen(command, **popen)))
    return started.result()


def end(children: Sequence[subprocess.Popen[Any]], grace_seconds: float = 10.0) -> None:
    """Sends SIGTERM to all of them, waits, and kills those that still run after the grace period."""
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
