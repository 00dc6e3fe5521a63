"""A child process ends with the process that started it, not with the thread that asked for it."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading

from agents.platform import child_processes
from tests.platform.running_processes import is_running, wait_until_ended

PARENT = """
from agents.platform import child_processes
print(child_processes.start(["sleep", "600"]).pid, flush=True)
input()
"""


def test_it_ends_when_its_parent_is_killed() -> None:
    parent = subprocess.Popen([sys.executable, "-c", PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    assert is_running(child)
    parent.send_signal(signal.SIGKILL)
    parent.communicate()
    wait_until_ended(child)


def test_it_outlives_the_thread_that_asked_for_it() -> None:
    started: list[subprocess.Popen[bytes]] = []
    thread = threading.Thread(target=lambda: started.append(child_processes.start(["sleep", "600"])))
    thread.start()
    thread.join()
    assert is_running(started[0].pid)
    child_processes.end(started)
    assert started[0].returncode == -signal.SIGTERM


def test_one_that_ignores_sigterm_is_killed_and_a_paused_one_ends() -> None:
    stubborn = child_processes.start(
        ["sh", "-c", "trap '' TERM; echo ready; while :; do sleep 0.1; done"], stdout=subprocess.PIPE
    )
    assert stubborn.stdout is not None
    assert stubborn.stdout.readline() == b"ready\n"
    paused = child_processes.start(["sleep", "600"])
    paused.send_signal(signal.SIGSTOP)
    child_processes.end([stubborn, paused], grace_seconds=2)
    stubborn.stdout.close()
    assert (stubborn.returncode, paused.returncode) == (-signal.SIGKILL, -signal.SIGTERM)
