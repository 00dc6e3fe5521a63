"""Dependencies by use: the base install runs every command but those that an extra names, and it is small."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from pkgutil import walk_packages

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import agents
import monitor
import schemas
from agents.cli.main import COMMANDS, NEEDS_EXTRA
from agents.platform.extras import EXTRAS
from tests.deploy.base_install import PROJECT, closure, extra_lines, make, requirements
from tests.deploy.tools import ROOT

LARGEST_BASE = 55
# Modules that import what an extra brings, by the extra; those below them count too.
NEEDING = {
    "replay": ("agents.feeds.clif", "agents.feeds.clif.tables"),
    "report": ("agents.report.page",),
    "history": ("agents.history", "agents.cli.history"),
    "demo": ("agents.demo",),
}
IMPORTS = """
import sys
from importlib import import_module
for name in sys.argv[1:]:
    import_module(name)
"""
DESTINATION = """
[dispatch]
default = [["mail"]]
reference_secret = {env = "CRS_TEST_SECRET"}
[dispatch.destinations.mail]
kind = "apprise"
urls = [{env = "CRS_TEST_SECRET"}]
"""


@pytest.fixture(scope="module")
def base_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of an environment that holds the base install alone."""
    return make(tmp_path_factory.mktemp("base") / "environment")


def modules() -> Iterator[str]:
    """Every module of the three packages."""
    for package in (schemas, monitor, agents):
        yield package.__name__
        yield from (each.name for each in walk_packages(package.__path__, f"{package.__name__}."))


def needs_an_extra(module: str) -> bool:
    """Whether the module, or a package that it lies in, is listed above."""
    listed = [name for names in NEEDING.values() for name in names]
    return any(module == name or module.startswith(f"{name}.") for name in listed)


def run(python: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs the interpreter without the variables and packages of the one that runs this test."""
    return subprocess.run(
        [str(python), *arguments], capture_output=True, text=True, check=False, timeout=120, env=environment, cwd="/"
    )


def test_every_other_command_and_module_is_imported_in_the_base_install(base_python: Path) -> None:
    free = [name for name in modules() if not needs_an_extra(name) and not name.endswith(".__main__")]
    assert {f"agents.cli.{name}" for name in COMMANDS.keys() - NEEDS_EXTRA.keys()} <= set(free)
    done = run(base_python, "-c", IMPORTS, *free)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("extra", "module"), [(extra, names[-1]) for extra, names in NEEDING.items() if extra != "demo"]
)
def test_a_module_that_is_listed_for_an_extra_cannot_be_imported_without_it(
    base_python: Path, extra: str, module: str
) -> None:
    done = run(base_python, "-c", IMPORTS, module)
    assert done.returncode == 1
    assert any(f"No module named '{name}'" in done.stderr for name in EXTRAS[extra]), done.stderr


@pytest.mark.parametrize(
    ("extra", "typed"),
    [
        ("demo", "demo"),
        ("demo", "demo --offline"),
        ("history", "history --migrate-only"),
        ("replay", "replay --clif stays"),
        ("replay", "simulate --clif stays"),
        ("report", "replay events.ndjson --report page.html"),
        ("notify", "dispatch --check --config dispatch.toml"),
    ],
)
def test_what_an_extra_is_for_says_how_to_install_it(base_python: Path, tmp_path: Path, extra: str, typed: str) -> None:
    (tmp_path / "dispatch.toml").write_text(DESTINATION, encoding="utf-8")
    (tmp_path / "events.ndjson").touch()
    words = [str(tmp_path / word) if "." in word else word for word in typed.split()]
    done = run(base_python, "-m", "agents.cli.main", *words, CRS_TEST_SECRET="0123456789abcdef0123456789abcdef")
    assert done.returncode == 2, done.stderr
    assert done.stderr.count("\n") == 1
    assert f"pip install 'crs-monitor[{extra}]'" in done.stderr


def test_a_replay_and_a_simulated_ward_run_in_the_base_install(base_python: Path) -> None:
    ward = run(base_python, "-m", "agents.cli.main", "simulate", "--stdout", "--rate", "10", "--duration", "1")
    assert (ward.returncode, len(ward.stdout.splitlines())) == (0, 10), ward.stderr
    replay = subprocess.run(
        [str(base_python), "-m", "agents.cli.main", "replay", "-"],
        input=ward.stdout, capture_output=True, text=True, check=False, env={}, cwd="/", timeout=120,
    )  # fmt: skip
    assert replay.returncode == 0, replay.stderr
    assert "patients" in replay.stdout


@pytest.mark.parametrize("extra", EXTRAS)
def test_the_table_of_extras_is_that_of_the_project(extra: str) -> None:
    named = {canonicalize_name(Requirement(line).name) for line in extra_lines(extra)}
    assert named == set(EXTRAS[extra])
    assert named.isdisjoint(closure(requirements())), "an extra names what the base install brings anyway"


def test_no_extra_is_forgotten() -> None:
    assert PROJECT["optional-dependencies"].keys() == EXTRAS.keys() | {"dev"}
    wanted = {Requirement(line).name for extra in EXTRAS for line in extra_lines(extra)}
    assert wanted <= {Requirement(line).name for line in extra_lines("dev")}


def test_the_base_install_is_small() -> None:
    found = closure(requirements())
    assert len(found) <= LARGEST_BASE, sorted(found)


def test_pip_counts_no_more_packages_for_a_new_install(tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    pip = [sys.executable, "-m", "pip", "install", "--dry-run", "--ignore-installed", "--quiet"]
    done = subprocess.run(
        [*pip, "--report", str(report), *map(str, requirements())],
        capture_output=True, text=True, check=False, cwd=ROOT, timeout=240,
    )  # fmt: skip
    if "Temporary failure in name resolution" in done.stderr or "Failed to establish a new connection" in done.stderr:
        pytest.skip("no package index can be reached")
    assert done.returncode == 0, done.stderr
    names = {each["metadata"]["name"] for each in json.loads(report.read_text(encoding="utf-8"))["install"]}
    assert len(names) <= LARGEST_BASE, sorted(names)


def test_the_contract_on_demonstration_code_covers_every_other_room() -> None:
    """import-linter refuses imports of the simulator and the local brokers; a new room must be added to it."""
    linter = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
    (contract,) = [each for each in linter["contracts"] if "agents.simulation" in each.get("forbidden_modules", ())]
    named = {*contract["source_modules"], *contract["forbidden_modules"], "agents.cli"}
    rooms = {f"agents.{path.parent.name}" for path in (ROOT / "agents").glob("*/__init__.py")} - {"agents.brokers"}
    brokers = {f"agents.brokers.{path.stem}" for path in (ROOT / "agents/brokers").glob("[a-z]*")}
    assert named == rooms | brokers | {"schemas", "monitor"}
    assert "ignore_imports" not in contract
