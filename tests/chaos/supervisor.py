"""Workers as a house would run them: each a process of its own, started again whenever it ends, and hurt on request."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from agents.platform import child_processes
from agents.platform.settings import Settings
from tests.chaos.environment import environment

AGAIN_SECONDS = 0.5
LOOK_SECONDS = 0.1
WORKER = ("-m", "agents.cli.main", "worker")


class Supervised:
    """One worker and whoever starts it again. `exits`: every way in which it ended so far."""

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
        """As when the power fails."""
        self._signal(signal.SIGKILL)

    def pause(self) -> None:
        """The process stands still, its connections stay open."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """And goes on."""
        self._signal(signal.SIGCONT)

    def ask_to_leave(self) -> None:
        """A polite request; the supervisor starts the next one."""
        self._signal(signal.SIGTERM)

    def restart(self, seconds: float = 40.0) -> None:
        """A polite request, and waiting until the next one has started."""
        before = self.starts
        self.ask_to_leave()
        wait_until(lambda: self.starts > before, seconds, f"{self.name} did not leave in {seconds:g} s")

    def end(self) -> None:
        """Stops it for good."""
        self._ending.set()
        if self._process is not None:
            child_processes.end([self._process], 20.0)
        if self._thread.is_alive():
            self._thread.join(5.0)

    @property
    def pid(self) -> int:
        """Of the process that runs now."""
        assert self._process is not None
        return self._process.pid

    @property
    def is_running(self) -> bool:
        """Whether a process is there."""
        return self._process is not None and self._process.poll() is None

    def said(self, words: str) -> int:
        """How often its log has these words."""
        return self.log.read_text(errors="replace").count(words) if self.log.exists() else 0

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
        while not self._ending.wait(LOOK_SECONDS):
            assert self._process is not None
            code = self._process.poll()
            if code is not None:
                self.exits.append(code)
                if not self._ending.wait(AGAIN_SECONDS):
                    self._start()


def wait_until(true: Any, seconds: float, otherwise: str, look_seconds: float = 0.1) -> None:
    """Waits for something to become true. Raises TimeoutError with `otherwise`."""
    until = time.monotonic() + seconds
    while not true():
        if time.monotonic() > until:
            raise TimeoutError(otherwise)
        time.sleep(look_seconds)


def ready(workers: Sequence[Supervised], seconds: float = 90.0) -> None:
    """Waits until every worker has said so."""
    for worker in workers:
        wait_until(lambda w=worker: w.said("ready: ") > 0, seconds, f"{worker.name} is not ready; see {worker.log}")


def counted(exits: Sequence[int]) -> Mapping[str, int]:
    """Exit codes by what they mean."""
    words = {-9: "killed", 0: "left", 70: "fail stop", 75: "stood still", 76: "watchdog"}
    found: dict[str, int] = {}
    for code in exits:
        found[words.get(code, str(code))] = found.get(words.get(code, str(code)), 0) + 1
    return found
