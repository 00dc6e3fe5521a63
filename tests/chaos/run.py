"""A chaos run: workers, a simulated ward as load, faults at their times, and at the end the checker's verdict."""

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
    """Something that goes wrong, so many seconds after the load began."""

    at_seconds: float
    name: str
    happen: Callable[[Scene], None]


@dataclass
class Scene:
    """What can be hurt."""

    workers: Sequence[Supervised]
    cluster: Cluster | None


@dataclass
class Load:
    """How much is sent, for how long."""

    seconds: float
    rate: float = 500.0
    patients: int = 60
    seed: int = 11


@dataclass
class Report:
    """What came of it."""

    verdict: dict[str, Any]
    sent: str = ""
    exits: dict[str, int] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        """Whether nothing was lost, made up or falsified, and every event was accepted."""
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
    say: Callable[[str], None] = lambda line: None,
) -> Report:
    """Everything, in order. The topics must be there."""
    began = time.monotonic()
    ledger = directory / "ledger.ndjson"
    with ExitStack() as stack:
        team = [
            stack.enter_context(Supervised(f"worker-{n}", directory, settings, entry)) for n in range(1, workers + 1)
        ]
        ready(team)
        say(f"{workers} workers are ready after {time.monotonic() - began:.0f} s")
        sending = simulate(settings, load, ledger)
        stack.callback(child_processes.end, [sending])
        told = suffer(Scene(team, cluster), faults, say)
        said = finished(sending, load.seconds + 180.0)
        say(said)
        verdict = verify(settings, wait_seconds, ledger)
        exits = counted([code for worker in team for code in worker.exits])
    return Report(verdict, said, dict(exits), told, time.monotonic() - began)


def suffer(scene: Scene, faults: Sequence[Fault], say: Callable[[str], None]) -> list[str]:
    """Lets every fault happen at its time; one that takes long delays the next."""
    began, told = time.monotonic(), []
    for fault in sorted(faults):
        time.sleep(max(0.0, fault.at_seconds - (time.monotonic() - began)))
        told.append(f"{time.monotonic() - began:.0f} s: {fault.name}")
        say(told[-1])
        fault.happen(scene)
    return told


def simulate(settings: Settings, load: Load, ledger: Path) -> subprocess.Popen[str]:
    """The load, started."""
    command = [sys.executable, "-m", "agents.cli.main", "simulate", "--ledger", str(ledger)]
    command += ["--patients", str(load.patients), "--rate", str(load.rate)]
    command += ["--duration", str(load.seconds), "--seed", str(load.seed)]
    return child_processes.start(command, env=environment(settings), stderr=subprocess.PIPE, text=True)


def finished(sending: subprocess.Popen[str], seconds: float) -> str:
    """What the load says when it is done. Raises AssertionError unless every event was accepted."""
    _, said = sending.communicate(timeout=seconds)
    assert sending.returncode == 0, f"simulate: exit {sending.returncode}: {said}"
    return " ".join(said.split())


def verify(settings: Settings, wait_seconds: float, ledger: Path | None = None, *, show: bool = True) -> dict[str, Any]:
    """The checker's verdict, as anyone would get it."""
    command = [sys.executable, "-m", "agents.cli.main", "verify", "--wait", str(wait_seconds)]
    command += ["--show"] if show else []
    command += [] if ledger is None else ["--ledger", str(ledger)]
    done = subprocess.run(command, env=environment(settings), capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1), f"verify: exit {done.returncode}: {done.stderr}"
    verdict: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    assert verdict["ok"] == (done.returncode == 0), "the exit code says the same"
    return verdict


# ---- what can go wrong


def kill_worker(number: int) -> Callable[[Scene], None]:
    """SIGKILL."""
    return lambda scene: scene.workers[number].kill()


def pause_worker(number: int, seconds: float = SESSION_SECONDS * 1.7) -> Callable[[Scene], None]:
    """SIGSTOP for longer than the session lasts, then SIGCONT: the others have its patients by then."""

    def happen(scene: Scene) -> None:
        scene.workers[number].pause()
        time.sleep(seconds)
        scene.workers[number].resume()

    return happen


def rolling_restart(between_seconds: float = 8.0) -> Callable[[Scene], None]:
    """SIGTERM to one after the other, as an update does it."""

    def happen(scene: Scene) -> None:
        for worker in scene.workers:
            worker.restart()
            time.sleep(between_seconds)

    return happen


def kill_broker(node: int, seconds: float = 8.0) -> Callable[[Scene], None]:
    """A broker dies and is started again."""

    def happen(scene: Scene) -> None:
        assert scene.cluster is not None
        scene.cluster.kill(node)
        time.sleep(seconds)
        scene.cluster.start(node, wait=False)

    return happen
