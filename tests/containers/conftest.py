"""One compose system for all these tests; without an engine of our own they fail and say so."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.containers.compose_system import ComposeSystem
from tests.deploy.tools import ROOT

ENGINE = ROOT / "out/trial/engine/docker.sock"


@pytest.fixture(scope="session")
def own_engine() -> None:
    """The engine that deploy/trial/run.sh started: any other one may have containers of somebody else."""
    if os.environ.get("DOCKER_HOST") != f"unix://{ENGINE}" or not ENGINE.exists():
        pytest.fail("no container engine of this run: use `make containers`")


@pytest.fixture(scope="session")
def system(own_engine: None) -> Iterator[ComposeSystem]:
    """All containers, started as docs/trial.md says and ready; at the end removed with their volumes."""
    folder = ROOT / "out/trial/run"
    folder.mkdir(parents=True, exist_ok=True)
    running = ComposeSystem(folder)
    running.clean()
    try:
        running.up()
        yield running
        logs = running.compose("logs", "--no-color", "--timestamps")
        (folder / "containers.log").write_text(logs, encoding="utf-8")
    finally:
        running.clean()
