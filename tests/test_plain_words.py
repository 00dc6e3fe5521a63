"""Names and first docstring lines are plain: words that the review found to be riddles are refused.

`agents/` uses the field's standard terms, `schemas/` and `monitor/` clinicians' words.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = ("schemas", "monitor", "agents", "tests", "benchmarks", "deploy")
FILES = [path for room in ROOMS for path in sorted((ROOT / room).rglob("*.py"))]
# Refused as a part of a name and as a word of a first docstring line.
RIDDLES = {
    *("told", "tell", "tells", "telling", "retold", "retelling", "untold", "said", "unsaid"),
    *("hear", "hears", "heard", "hearing", "unheard", "ear", "ears", "mouth", "tidings"),
    *("hands", "pen", "door", "doors", "besieged", "obey", "obeys", "heed", "heeds", "heeded"),
    *("insist", "insisting", "restless", "blink", "overlook", "ailing", "sheet", "sheets", "bark", "barks"),
    *("surroundings", "chapter", "wordless", "programme", "troupe"),
}
# Of first docstring lines: also phrases that have to be decoded.
PHRASES = re.compile(r"stands? in for|ground on which|makes? way|whoever|comes? to the same", re.IGNORECASE)


def parts_of(name: str) -> set[str]:
    """The words of an identifier or of a file name."""
    return {part.lower() for part in re.findall(r"[A-Za-z][a-z]*", name)}


def names_in(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Every class, function, argument and variable that a module defines, with its line."""
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield node.lineno, node.name
        elif isinstance(node, ast.arg):
            yield node.lineno, node.arg
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.id


def first_lines_in(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """The first line of every docstring, with its line."""
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            text = ast.get_docstring(node)
            if text:
                yield getattr(node, "lineno", 1), text.splitlines()[0]


def words_of(text: str) -> set[str]:
    """The words of a sentence; what is in backticks is a name or a value."""
    return set(re.findall(r"[a-z]+", re.sub(r"`[^`]*`", " ", text.lower())))


def riddles_in(source: str) -> list[str]:
    """What a newcomer would have to decode, each with its line."""
    tree = ast.parse(source)
    found = [f"{line}: {name}" for line, name in names_in(tree) if parts_of(name) & RIDDLES]
    found += [
        f"{line}: {text}" for line, text in first_lines_in(tree) if words_of(text) & RIDDLES or PHRASES.search(text)
    ]
    return found


@pytest.mark.parametrize("path", FILES, ids=[path.relative_to(ROOT).as_posix() for path in FILES])
def test_names_and_first_lines_are_plain(path: Path) -> None:
    assert not parts_of(path.stem) & RIDDLES
    assert riddles_in(path.read_text(encoding="utf-8")) == []


def test_riddles_are_found() -> None:
    planted = '"""Whoever asks."""\ndef told(x):\n    """The ears."""\n    said = x\n'
    assert riddles_in(planted) == ["2: told", "4: said", "1: Whoever asks.", "2: The ears."]
