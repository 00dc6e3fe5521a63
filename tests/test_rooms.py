"""What each room may import, and that `schemas` and `monitor` read no clock and draw no unseeded random number.

Import order between our own packages is import-linter's (pyproject.toml), banned names are ruff's (schemas/ruff.toml);
here is what neither can express, and a test that both really refuse.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# What a room may import besides the standard library; `row.py` alone packs bytes.
ALLOWED = {"schemas": {"schemas", "pydantic", "pydantic_core"}, "monitor": {"schemas", "monitor"}}
ALLOWED_IN_FILE = {"monitor/record/row.py": {"lz4", "msgspec"}, "monitor/record/identity.py": {"msgspec"}}
NOT_ALLOWED = {"asyncio", "logging", "multiprocessing", "os", "secrets", "socket", "subprocess", "sys"} | {
    "tempfile",
    "threading",
    "time",
    "urllib",
    "uuid",
}
FILES = [path.relative_to(ROOT).as_posix() for room in ALLOWED for path in sorted((ROOT / room).rglob("*.py"))]


def imported(source: str) -> set[str]:
    """Top-level names of all that a file imports."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add((node.module or "").partition(".")[0])
    return names


def forbidden_imports(file: str, source: str) -> set[str]:
    """What a file of a room imports and may not."""
    allowed = ALLOWED[file.partition("/")[0]] | ALLOWED_IN_FILE.get(file, set())
    return imported(source) - allowed - (set(sys.stdlib_module_names) - NOT_ALLOWED)


def unseeded(source: str) -> Iterator[int]:
    """Lines that make a random number generator without a seed."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and not node.args and not node.keywords:
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if name == "Random":
                yield node.lineno


@pytest.mark.parametrize("file", FILES)
def test_a_room_imports_only_what_is_allowed_there(file: str) -> None:
    assert forbidden_imports(file, (ROOT / file).read_text(encoding="utf-8")) == set()


@pytest.mark.parametrize("file", FILES)
def test_every_random_generator_has_a_seed(file: str) -> None:
    assert list(unseeded((ROOT / file).read_text(encoding="utf-8"))) == []


def test_planted_imports_are_found() -> None:
    assert forbidden_imports("monitor/planted.py", "import os\nfrom faust import App\nimport msgspec\nimport math") == {
        "os",
        "faust",
        "msgspec",
    }
    assert forbidden_imports("monitor/record/row.py", "import lz4, msgspec") == set()
    assert forbidden_imports("schemas/planted.py", "from monitor import step") == {"monitor"}
    assert list(unseeded("import random\nx = random.Random()\ny = random.Random(7)")) == [2]


@pytest.mark.parametrize("room", ALLOWED)
@pytest.mark.parametrize(
    "planted",
    [
        "from datetime import UTC, datetime\n\nAT = datetime.now(UTC)\n",
        "from datetime import datetime as when\n\nAT = when.utcnow()\n",
        "from datetime import date\n\nDAY = date.today()\n",
        "import datetime\n\nAT = datetime.datetime.today()\n",
        "from time import monotonic\n\nAT = monotonic()\n",
        "import random\n\nDICE = random.randint(1, 6)\n",
        "from random import shuffle\n\nMIX = shuffle\n",
        "from uuid import uuid4\n\nNAME = uuid4()\n",
        "import os\n\nHOME = os.environ\n",
    ],
)
def test_ruff_refuses_clocks_and_unseeded_random_numbers(room: str, planted: str) -> None:
    command = [sys.executable, "-m", "ruff", "check", "--no-cache", "--select", "TID251", "--stdin-filename"]
    found = subprocess.run(
        [*command, f"{room}/planted.py", "-"], input=planted, cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert found.returncode == 1, found.stderr
    assert "TID251" in found.stdout
