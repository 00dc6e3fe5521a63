"""The compose system on the engine that DOCKER_HOST names: its commands, and what its parts answer."""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tests.deploy.test_compose import ENVIRONMENT
from tests.deploy.tools import ROOT, json_from, tool

FILES = (Path("docker-compose.yml"), Path("deploy/trial/without-grafana.yml"))
PROMETHEUS, ALERTMANAGER = "http://127.0.0.1:9090", "http://127.0.0.1:9093"
BOARD = "https://localhost:8443"


class CommandError(AssertionError):
    """A command of Docker or Compose failed; the text is what it wrote."""


class Container(NamedTuple):
    """A service's container as the engine sees it. `health`: empty when it has no check."""

    state: str
    health: str
    exit_code: int
    id: str


class ComposeSystem:
    """The system with passwords made for this run. `folder`: where files of this run go, readable for containers."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.sabotage: Path | None = None  # an override file with a fault
        self.passwords = {name: secrets.token_hex(24) for name in ENVIRONMENT}

    def up(self, *services: str, wait: bool = True, seconds: float = 240) -> None:
        """Starts these services, or all; those whose settings changed anew."""
        arguments = ["--wait", "--wait-timeout", str(int(seconds))] if wait else []
        arguments += ["--no-deps"] if services else []
        self.compose("up", "--detach", "--no-build", *arguments, *services, seconds=seconds + 30)

    def down(self) -> None:
        """Removes the containers and keeps the volumes."""
        self.compose("down", seconds=120)

    def clean(self) -> None:
        """Removes containers and volumes, also those of a run that was killed: they have other passwords."""
        self.compose("down", "--volumes", "--remove-orphans")
        left = self.docker("volume", "ls", "--quiet").split()
        if left:
            self.docker("volume", "rm", *left)

    def compose(self, *arguments: str, seconds: float = 120) -> str:
        """A command of Compose. Raises CommandError."""
        files = FILES if self.sabotage is None else (*FILES, self.sabotage)
        chosen = [word for file in files for word in ("-f", str(file))]
        return self._run([tool("docker-compose"), *chosen, *arguments], seconds)

    def docker(self, *arguments: str, seconds: float = 60) -> str:
        """A command of Docker. Raises CommandError."""
        return self._run([tool("docker"), *arguments], seconds)

    def _run(self, command: Sequence[str], seconds: float) -> str:
        # A .env of the checkout must not change what is tested.
        environment = os.environ | self.passwords | {"COMPOSE_PROFILES": "", "CRS_BROKERS": "kafka-1:9092"}
        done = subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=seconds, check=False
        )
        if done.returncode:
            raise CommandError(
                f"exit {done.returncode}: {' '.join(command[-6:])}\n{done.stdout[-3000:]}{done.stderr[-3000:]}"
            )
        return done.stdout

    def containers(self) -> dict[str, Container]:
        """Every service's container, also one that has ended."""
        lines = self.compose("ps", "--all", "--format", "json").splitlines()
        return {
            each["Service"]: Container(each["State"], each["Health"], each["ExitCode"], each["ID"])
            for each in map(json.loads, lines)
        }

    def kill(self, service: str) -> None:
        """SIGKILL to the container's first process, as when the machine takes its memory. The engine restarts it."""
        process = int(self.docker("inspect", "--format", "{{.State.Pid}}", self.containers()[service].id))
        assert process > 1, f"{service} does not run"
        os.kill(process, signal.SIGKILL)

    def restarts(self, service: str) -> int:
        """How often the engine has restarted the container."""
        return int(self.docker("inspect", "--format", "{{.RestartCount}}", self.containers()[service].id))

    def number(self, expression: str, **more: str) -> float:
        """The sum of the samples that a PromQL expression gives; 0 when there is none."""
        found = json_from(f"{PROMETHEUS}/api/v1/query", query=expression, **more)
        return sum(float(sample["value"][1]) for sample in found["data"]["result"])

    def read(self, statement: str) -> list[str]:
        """The rows of a statement in the history, as the dashboards' role with its password. Raises CommandError."""
        inside = ("exec", "-T", "-e", f"PGPASSWORD={self.passwords['CRS_READER_PASSWORD']}", "history-db")
        asked = (
            "psql",
            "-h",
            "127.0.0.1",
            "-U",
            "crs_reader",
            "-d",
            "crs",
            "-v",
            "ON_ERROR_STOP=1",
            "-Atqc",
            statement,
        )
        return self.compose(*inside, *asked).splitlines()

    def verify(self) -> dict[str, Any]:
        """What `crs-monitor verify` finds; it replays the log."""
        try:
            output = self.compose("exec", "-T", "board", "crs-monitor", "verify", seconds=180)
        except CommandError as error:
            output = str(error)
        last = [line for line in output.splitlines() if line.startswith("{")]
        assert last, output
        return dict(json.loads(last[-1]))
