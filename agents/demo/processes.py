"""Starts and ends the processes of the demonstration; all of them end with it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from threading import Event
from typing import IO, Any

from agents.platform import child_processes
from agents.platform.errors import UserError
from agents.platform.kafka_connection import BOOTSTRAP
from agents.platform.settings import Settings

READY_WITHIN_SECONDS = 60.0
LOOK_SECONDS = 0.2


class Processes:
    """Starts and ends processes. `folder`: their output and data, gone afterwards; `leave`: set by Ctrl-C."""

    def __init__(self, closing: ExitStack, leave: Event) -> None:
        self.folder = Path(closing.enter_context(tempfile.TemporaryDirectory(prefix="crs-demo-")))
        self._closing = closing
        self._stop = leave
        self._running: dict[str, tuple[subprocess.Popen[Any], Path]] = {}

    def start(self, name: str, command: list[str], environment: dict[str, str] | None = None) -> subprocess.Popen[Any]:
        """Starts a process; its output goes into a file of its own."""
        self.check()
        log = self.folder / f"{name}.log"
        output: IO[bytes] = self._closing.enter_context(log.open("wb"))
        process = child_processes.start(command, env=environment, stdout=output, stderr=subprocess.STDOUT)
        self._closing.callback(child_processes.end, [process])
        self._running[name] = process, log
        return process

    def ours(self, name: str, command: list[str], settings: Settings) -> subprocess.Popen[Any]:
        """One of our own commands."""
        return self.start(name, [sys.executable, "-m", "agents.cli.main", *command], environment(settings))

    def check(self) -> None:
        """Raises UserError when a process has ended, and KeyboardInterrupt after Ctrl-C."""
        if self._stop.is_set():
            raise KeyboardInterrupt
        for name, (process, log) in self._running.items():
            if process.poll() is not None:
                last = log.read_text(errors="replace").strip().splitlines()[-1:]
                raise UserError(
                    f"{name} ended early ({process.returncode}): {last[0] if last else 'it printed nothing'}"
                )

    def wait(self, name: str, is_ready: Callable[[], bool], seconds: float = READY_WITHIN_SECONDS) -> None:
        """Waits until a process is ready. Raises what `check` raises, and UserError when it takes too long."""
        until = time.monotonic() + seconds
        self.check()
        while not is_ready():
            if time.monotonic() > until:
                raise UserError(f"{name} was not ready within {seconds:.0f} s; is this machine very busy?")
            time.sleep(LOOK_SECONDS)
            self.check()


def environment(settings: Settings) -> dict[str, str]:
    """The environment of this process, with these settings and no others."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith("CRS_") and name != BOOTSTRAP}
    for name in settings.model_fields_set - {"bootstrap_servers"}:
        value = getattr(settings, name)
        if value is not None:
            ours[f"CRS_{name.upper()}"] = str(value)
    return ours | {BOOTSTRAP: settings.bootstrap_servers}


def free_port() -> int:
    """A port on loopback that nobody uses now."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def answers(address: str) -> bool:
    """Whether an address answers with success."""
    try:
        with urllib.request.urlopen(address, timeout=1) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
