"""Whether a process that should be gone is gone."""

from __future__ import annotations

import subprocess
import time


def is_running(pid: int) -> bool:
    """Whether there is such a process, and not only its remains."""
    asked = ["ps", "-o", "stat=", "-p", str(pid)]
    state = subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip()
    return bool(state) and not state.startswith("Z")


def is_gone_soon(pid: int) -> bool:
    """Whether it ends within five seconds."""
    for _ in range(50):
        if not is_running(pid):
            return True
        time.sleep(0.1)
    return False
