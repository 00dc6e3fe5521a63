"""Files have at most 200 lines, functions 24. Those that were longer already are in sizes.toml, and only shrink.

A function of about 12 lines is the aim; twice that is the limit. The table is for the product only: a test reads as a
story down the page, and its length is its story.
"""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("schemas", "monitor", "agents")
LIMITS = {"files": 200, "functions": 24}
TABLE = Path(__file__).with_name("sizes.toml")


def measured() -> dict[str, dict[str, int]]:
    """The lines of every file and of every function, by name."""
    found: dict[str, dict[str, int]] = {"files": {}, "functions": {}}
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            name, text = path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8")
            found["files"][name] = len(text.splitlines())
            found["functions"] |= {f"{name}:{each}": lines for each, lines in functions(ast.parse(text), "")}
    return found


def functions(node: ast.AST, outer: str) -> Iterator[tuple[str, int]]:
    """Each function's name, with the classes and functions around it, and its lines without docstring."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            name = f"{outer}{child.name}"
            if not isinstance(child, ast.ClassDef):
                yield name, lines_of(child)
            yield from functions(child, f"{name}.")


def lines_of(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """From `def` to the last line; the docstring does not count."""
    first = function.body[0]
    documented = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    docstring = (first.end_lineno or first.lineno) - first.lineno + 1 if documented else 0
    return (function.end_lineno or function.lineno) - function.lineno + 1 - docstring


def objections(kind: str, sizes: dict[str, int], allowed: dict[str, int]) -> list[str]:
    """What to change in the code or in the table."""
    limit = LIMITS[kind]
    grown = [
        f"{name} has {lines} lines: split it (limit {allowed.get(name, limit)})"
        for name, lines in sizes.items()
        if lines > allowed.get(name, limit)
    ]
    for name, lines in allowed.items():
        now = sizes.get(name, 0)
        if now <= limit:
            grown.append(f"{name} has {now} lines now: remove its line from sizes.toml")
        elif now < lines:
            grown.append(f"{name} has {now} lines now: lower its {lines} in sizes.toml to {now}")
    return grown


@pytest.mark.parametrize("kind", LIMITS)
def test_nothing_has_grown_beyond_its_limit_and_the_table_is_up_to_date(kind: str) -> None:
    table = tomllib.loads(TABLE.read_text(encoding="utf-8"))
    found = objections(kind, measured()[kind], table[kind])
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("lines", "allowed", "words"),
    [
        (24, {}, []),
        (25, {}, ["f has 25 lines: split it (limit 24)"]),
        (30, {"f": 30}, []),
        (31, {"f": 30}, ["f has 31 lines: split it (limit 30)"]),
        (29, {"f": 30}, ["f has 29 lines now: lower its 30 in sizes.toml to 29"]),
        (24, {"f": 30}, ["f has 24 lines now: remove its line from sizes.toml"]),
    ],
)
def test_the_table_only_shrinks(lines: int, allowed: dict[str, int], words: list[str]) -> None:
    assert objections("functions", {"f": lines}, allowed) == words


def test_a_docstring_does_not_count() -> None:
    text = 'class A:\n    def f(self):\n        """One.\n\n        Two."""\n        return 1\n'
    assert list(functions(ast.parse(text), "")) == [("A.f", 2)]
