"""A chaos run: workers, a simulated ward as load, faults at given times, and the verdict of `verify` at the end."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from agents.brokers.local_kafka.cluster import Cluster
from agents.platform import child_processes
from agents.platform.settings import Settings
from tests.chaos.environment import environment
from tests.chaos.supervisor import WORKER, Supervised, counted, ready

SESSION_SECONDS = 8.0


class Fault(NamedTuple):
    """A fault, so many seconds after the load began."""

    at_seconds: float
    name: str
    happen: Callable[[Targets], None]


@dataclass
class Targets:
    """The processes that faults are injected into."""

    workers: Sequence[Supervised]
    cluster: Cluster | None


@dataclass
class Load:
    """Events per second (`rate`), for how many seconds and patients."""

    seconds: float
    rate: float = 500.0
    patients: int = 60
    seed: int = 11


@dataclass
class Report:
    """The result of a chaos run."""

    verdict: dict[str, Any]
    sent: str = ""
    exits: dict[str, int] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        """Whether `verify` found nothing lost, invented or changed."""
        return bool(self.verdict["ok"])


def chaos(
    settings: Settings,
    directory: Path,
    load: Load,
    faults: Sequence[Fault],
    cluster: Cluster | None = None,
    workers: int = 2,
    entry: Sequence[str] = WORKER,
    wait_seconds: float = 120.0,
    report_line: Callable[[str], None] = lambda line: None,
) -> Report:
    """The whole run. The topics must exist."""
    began = time.monotonic()
    ledger = directory / "ledger.ndjson"
    with ExitStack() as stack:
        team = [
            stack.enter_context(Supervised(f"worker-{n}", directory, settings, entry)) for n in range(1, workers + 1)
        ]
        ready(team)
        report_line(f"{workers} workers are ready after {time.monotonic() - began:.0f} s")
        sending = simulate(settings, load, ledger)
        stack.callback(child_processes.end, [sending])
        happened = inject(Targets(team, cluster), faults, report_line)
        sent = finished(sending, load.seconds + 180.0)
        report_line(sent)
        verdict = verify(settings, wait_seconds, ledger)
        exits = counted([code for worker in team for code in worker.exits])
    return Report(verdict, sent, dict(exits), happened, time.monotonic() - began)


def inject(targets: Targets, faults: Sequence[Fault], report_line: Callable[[str], None]) -> list[str]:
    """Injects every fault at its time; one that takes long delays the next. Gives a line for each."""
    began, happened = time.monotonic(), []
    for fault in sorted(faults):
        time.sleep(max(0.0, fault.at_seconds - (time.monotonic() - began)))
        happened.append(f"{time.monotonic() - began:.0f} s: {fault.name}")
        report_line(happened[-1])
        fault.happen(targets)
    return happened


def simulate(settings: Settings, load: Load, ledger: Path) -> subprocess.Popen[str]:
    """Starts the load."""
    command = [sys.executable, "-m", "agents.cli.main", "simulate", "--ledger", str(ledger)]
    command += ["--patients", str(load.patients), "--rate", str(load.rate)]
    command += ["--duration", str(load.seconds), "--seed", str(load.seed)]
    return child_processes.start(command, env=environment(settings), stderr=subprocess.PIPE, text=True)


def finished(sending: subprocess.Popen[str], seconds: float) -> str:
    """Waits for the load; gives its summary. Raises AssertionError unless every event was accepted."""
    _, summary = sending.communicate(timeout=seconds)
    assert sending.returncode == 0, f"simulate: exit {sending.returncode}: {summary}"
    return " ".join(summary.split())


def verify(settings: Settings, wait_seconds: float, ledger: Path | None = None, *, show: bool = True) -> dict[str, Any]:
    """Runs `crs-monitor verify` and gives its verdict."""
    command = [sys.executable, "-m", "agents.cli.main", "verify", "--wait", str(wait_seconds)]
    command += ["--show"] if show else []
    command += [] if ledger is None else ["--ledger", str(ledger)]
    done = subprocess.run(command, env=environment(settings), capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1), f"verify: exit {done.returncode}: {done.stderr}"
    verdict: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    assert verdict["ok"] == (done.returncode == 0), "the exit code agrees with the verdict"
    return verdict


# ---- faults


def kill_worker(number: int) -> Callable[[Targets], None]:
    """A fault: SIGKILL of a worker."""
    return lambda targets: targets.workers[number].kill()


def pause_worker(number: int, seconds: float = SESSION_SECONDS * 1.7) -> Callable[[Targets], None]:
    """A fault: SIGSTOP for longer than the session lasts, then SIGCONT. Others own its partitions by then."""

    def happen(targets: Targets) -> None:
        targets.workers[number].pause()
        time.sleep(seconds)
        targets.workers[number].resume()

    return happen


def rolling_restart(between_seconds: float = 8.0) -> Callable[[Targets], None]:
    """A fault: SIGTERM to one worker after the other, as in an update."""

    def happen(targets: Targets) -> None:
        for worker in targets.workers:
            worker.restart()
            time.sleep(between_seconds)

    return happen


def kill_broker(node: int, seconds: float = 8.0) -> Callable[[Targets], None]:
    """A fault: SIGKILL of a broker, which is started again."""

    def happen(targets: Targets) -> None:
        assert targets.cluster is not None
        targets.cluster.kill(node)
        time.sleep(seconds)
        targets.cluster.start(node, wait=False)

    return happen
