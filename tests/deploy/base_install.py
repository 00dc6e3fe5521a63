"""An environment that holds the base install alone, made from the packages of the environment that runs the tests.

pip would need an index and a minute. Here a new virtual environment gets links to the installed packages that the base
install asks for, and to nothing else.
"""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import tomllib
from collections.abc import Iterable
from importlib.metadata import distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.deploy.tools import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
OURSELVES = PROJECT["name"]


def requirements(*extras: str) -> list[Requirement]:
    """What pyproject.toml asks for: the base install, and the extras with the extras that they name."""
    lines = list(PROJECT["dependencies"])
    for extra in extras:
        lines += extra_lines(extra)
    return [Requirement(line) for line in lines]


def extra_lines(extra: str) -> list[str]:
    """The requirements of one extra; one that names further extras of ours is replaced by theirs."""
    found: list[str] = []
    for line in PROJECT["optional-dependencies"][extra]:
        wanted = Requirement(line)
        if canonicalize_name(wanted.name) == OURSELVES:
            found += [each for inner in sorted(wanted.extras) for each in extra_lines(inner)]
        else:
            found.append(line)
    return found


def closure(wanted: Iterable[Requirement]) -> set[str]:
    """Canonical names of all packages that these requirements bring, by the metadata of what is installed."""
    found: set[str] = set()
    waiting = [(each, "") for each in wanted]
    asked: set[tuple[str, str]] = set()
    while waiting:
        each, extra = waiting.pop()
        if each.marker is not None and not each.marker.evaluate({"extra": extra}):
            continue
        name = canonicalize_name(each.name)
        found.add(name)
        for inner in {"", *each.extras}:
            if (name, inner) not in asked:
                asked.add((name, inner))
                waiting += [(Requirement(line), inner) for line in distribution(name).requires or ()]
    return found


def make(directory: Path) -> Path:
    """Makes the environment and returns its interpreter. Our own code is this checkout."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(directory)], check=True, timeout=60)
    packages = Path(sysconfig.get_path("purelib", vars={"base": str(directory), "platbase": str(directory)}))
    for name in closure(requirements()):
        link(name, packages)
    link(OURSELVES, packages, only=".dist-info")
    (packages / "checkout.pth").write_text(f"{ROOT}\n", encoding="utf-8")
    return directory / "bin" / "python"


def link(name: str, packages: Path, only: str = "") -> None:
    """Links the files and folders of an installed package into `packages`; `only`: names that end so."""
    installed = distribution(name)
    tops = {file.parts[0] for file in installed.files or ()} - {"..", "__pycache__"}
    for top in tops:
        if top.endswith(only) and not (packages / top).exists():
            os.symlink(Path(str(installed.locate_file(top))).resolve(), packages / top)
