"""What goes into the image: enough to watch a ward, and pinned."""

from __future__ import annotations

import re
import subprocess
import sys

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.deploy.tools import DEPLOY, ROOT

DOCKERFILE = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
PINS = {
    canonicalize_name(name): version
    for name, version in re.findall(
        r"^([A-Za-z0-9_.-]+)==(\S+)$", (DEPLOY / "constraints.txt").read_text(encoding="utf-8"), re.MULTILINE
    )
}
# Every module that a service loads, in an interpreter that has neither parquet nor plots.
SERVICES = """
import sys
for absent in ("pyarrow", "plotly", "clifpy", "pandas", "polars", "duckdb"):
    sys.modules[absent] = None
from importlib import import_module
for name in ("worker", "dispatch", "history", "board", "topics", "simulate", "verify", "ack"):
    import_module(f"agents.cli.{name}")
import agents.stream.worker, agents.dispatch.dispatcher, agents.simulation.live_ward, agents.simulation.sending
"""


def requirements() -> list[Requirement]:
    done = subprocess.run(
        [sys.executable, str(DEPLOY / "slim.py"), str(ROOT / "pyproject.toml")],
        capture_output=True,
        text=True,
        check=True,
    )
    return [Requirement(line) for line in done.stdout.splitlines()]


def test_what_is_pinned_is_what_the_project_asks_for() -> None:
    for wanted in requirements():
        pinned = PINS[canonicalize_name(wanted.name)]
        assert wanted.specifier.contains(pinned), (
            f"{wanted.name} is pinned to {pinned}, pyproject wants {wanted.specifier}"
        )


def test_what_only_a_desk_needs_stays_outside() -> None:
    assert not PINS.keys() & {"clifpy", "pyarrow", "plotly", "pandas", "polars", "duckdb", "pytest", "pip"}


def test_services_do_without_it() -> None:
    done = subprocess.run([sys.executable, "-c", SERVICES], capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr


def test_the_image_runs_as_nobody_special_and_has_no_build_tools() -> None:
    last = DOCKERFILE.rpartition("\nFROM ")[2]
    assert re.search(r"^USER 10001:10001$", last, re.MULTILINE)
    assert "pip uninstall" in last
    assert "apt-get" not in DOCKERFILE
    assert re.search(r"^ARG PYTHON=3\.11\.\d+-slim-bookworm$", DOCKERFILE, re.MULTILINE)


def test_what_is_copied_in_is_let_in() -> None:
    let_in = {
        line.removeprefix("!")
        for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
        if line.startswith("!")
    }
    copied = {
        source
        for line in re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, re.MULTILINE)
        for source in line.split()[:-1]
    }
    assert copied == let_in
    assert all((ROOT / source).exists() for source in copied)
