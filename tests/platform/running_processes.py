"""Whether a process still runs, and waiting until it has ended."""

from __future__ import annotations

import subprocess

from tests.waiting import wait_until


def is_running(pid: int) -> bool:
    """Whether the process runs; one that has ended and was not collected yet does not."""
    command = ["ps", "-o", "stat=", "-p", str(pid)]
    state = subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
    return bool(state) and not state.startswith("Z")


def wait_until_ended(pid: int) -> None:
    """Raises AssertionError when the process does not end."""
    wait_until(lambda: not is_running(pid), f"the end of process {pid}")
