"""Runs workers as processes, restarts each one when it ends, and kills, pauses or stops them on request."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from agents.platform import child_processes
from agents.platform.settings import Settings
from tests.chaos.environment import environment
from tests.waiting import wait_until

RESTART_SECONDS = 0.5
POLL_SECONDS = 0.1
WORKER = ("-m", "agents.cli.main", "worker")


class Supervised:
    """One worker with its supervisor. `exits`: the exit codes so far."""

    def __init__(self, name: str, directory: Path, settings: Settings, entry: Sequence[str] = WORKER) -> None:
        self.name = name
        self.exits: list[int] = []
        self.starts = 0
        self.log = directory / f"{name}.log"
        self._command = [sys.executable, *entry]
        self._environment = environment(settings) | {"CRS_DATA_DIR": str(directory / name)}
        self._process: subprocess.Popen[Any] | None = None
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._watch, name=f"supervisor of {name}", daemon=True)

    def __enter__(self) -> Self:
        self._start()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def kill(self) -> None:
        """SIGKILL, as a power failure would end it."""
        self._signal(signal.SIGKILL)

    def pause(self) -> None:
        """SIGSTOP: the process stands still, its connections stay open."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT."""
        self._signal(signal.SIGCONT)

    def ask_to_leave(self) -> None:
        """SIGTERM; the supervisor starts the next process."""
        self._signal(signal.SIGTERM)

    def restart(self, seconds: float = 60.0) -> None:
        """SIGTERM, and waits until the next process has started."""
        before = self.starts
        self.ask_to_leave()
        wait_until(lambda: self.starts > before, f"{self.name} has left and was started again", seconds)

    def end(self) -> None:
        """Stops it for good."""
        self._ending.set()
        if self._process is not None:
            child_processes.end([self._process], 20.0)
        if self._thread.is_alive():
            self._thread.join(5.0)

    @property
    def pid(self) -> int:
        """The id of the process that runs now."""
        assert self._process is not None
        return self._process.pid

    @property
    def is_running(self) -> bool:
        """Whether the process runs."""
        return self._process is not None and self._process.poll() is None

    def logged(self, text: str) -> int:
        """How often its log has this text."""
        return self.log.read_text(errors="replace").count(text) if self.log.exists() else 0

    def _signal(self, number: int) -> None:
        if self.is_running:
            os.kill(self.pid, number)

    def _start(self) -> None:
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self._process = child_processes.start(
                self._command, env=self._environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        self.starts += 1

    def _watch(self) -> None:
        while not self._ending.wait(POLL_SECONDS):
            assert self._process is not None
            code = self._process.poll()
            if code is not None:
                self.exits.append(code)
                if not self._ending.wait(RESTART_SECONDS):
                    self._start()


def ready(workers: Sequence[Supervised], seconds: float = 120.0) -> None:
    """Waits until every worker has logged that it is ready."""
    for worker in workers:
        wait_until(lambda w=worker: w.logged("ready: "), f"{worker.name} is ready; see {worker.log}", seconds)  # type: ignore[misc]


def counted(exits: Sequence[int]) -> Mapping[str, int]:
    """Exit codes by their meaning."""
    names = {-9: "killed", 0: "left", 70: "fail stop", 75: "stood still", 76: "watchdog"}
    found: dict[str, int] = {}
    for code in exits:
        found[names.get(code, str(code))] = found.get(names.get(code, str(code)), 0) + 1
    return found
