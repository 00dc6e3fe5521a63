"""Every package opens with its map: what lives here, in which order data passes, what never happens here.

The maps of `schemas`, `monitor` and `agents` together are the architecture document, so they must not go stale.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PRODUCT = ("schemas", "monitor", "agents")
LONGEST_LINES = 20
NAMED = re.compile(r"(?<![\w./-])([a-z_0-9]+(?:\.py\b|/(?![\w*{])))")
NOT_YET = "Kept free for: "
PACKAGES = [path.parent for name in PRODUCT for path in sorted((ROOT / name).rglob("__init__.py"))]


def map_of(package: Path) -> str:
    """The docstring of a package."""
    return ast.get_docstring(ast.parse((package / "__init__.py").read_text(encoding="utf-8"))) or ""


def named_in(text: str) -> set[str]:
    """The files and folders that a map names; what is planned and not there yet stands on lines of its own."""
    return {name for line in text.splitlines() if not line.startswith(NOT_YET) for name in NAMED.findall(line)}


def found_in(package: Path) -> set[str]:
    """The modules and folders of a package."""
    files = {path.name for path in package.glob("*.py") if path.name != "__init__.py"}
    return files | {f"{path.name}/" for path in package.iterdir() if path.is_dir() and path.name[0] not in "_."}


@pytest.mark.parametrize("package", PACKAGES, ids=[path.relative_to(ROOT).as_posix() for path in PACKAGES])
def test_a_package_opens_with_its_map(package: Path) -> None:
    text = map_of(package)
    assert len(text.splitlines()) <= LONGEST_LINES
    assert re.match(r"[A-Z].*\.$", text.splitlines()[0]), "the first line is one sentence"
    assert "Never here:" in text
    assert named_in(text) == found_in(package)


def test_a_package_holds_its_map_and_nothing_else_in_init() -> None:
    for package in PACKAGES:
        body = ast.parse((package / "__init__.py").read_text(encoding="utf-8")).body
        assert len(body) == 1, f"{package.name}/__init__.py imports or defines something"


def test_a_map_that_is_stale_is_noticed() -> None:
    assert named_in("Reads.\n\n    reader.py   topics\n    feeds/      formats\nKept free for: labs.py") == {
        "reader.py",
        "feeds/",
    }
