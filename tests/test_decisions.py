"""Decision notes are short, numbered without a gap, and every note that code speaks of is there."""

from __future__ import annotations

import re
from itertools import chain
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
NOTES = sorted((ROOT / "monitor" / "decisions").glob("*.md"))
LONGEST = 25


def references() -> set[str]:
    """The numbers of the decisions that files of this repository speak of."""
    rooms = (ROOT / room for room in ("schemas", "monitor", "agents", "tests", "benchmarks", "deploy"))
    files = chain([ROOT / "pyproject.toml", ROOT / "README.md"], *(room.rglob("*.py") for room in rooms))
    return {number for file in files for number in re.findall(r"decision (\d{4})", file.read_text(encoding="utf-8"))}


def test_notes_are_numbered_without_a_gap() -> None:
    assert [note.name[:4] for note in NOTES] == [f"{number:04d}" for number in range(1, len(NOTES) + 1)]


@pytest.mark.parametrize("note", NOTES, ids=[note.stem for note in NOTES])
def test_a_note_is_short_and_has_its_decision_and_reason(note: Path) -> None:
    text = note.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= LONGEST
    assert re.match(rf"# {note.name[:4]} \w", text)
    assert "**Decision.**" in text
    assert "**Why.**" in text


def test_every_decision_that_is_spoken_of_has_its_note() -> None:
    spoken_of = references()
    assert {"0003", "0006"} <= spoken_of
    assert spoken_of - {note.name[:4] for note in NOTES} == set()


@pytest.mark.parametrize("note", NOTES, ids=[note.stem for note in NOTES])
def test_a_note_speaks_of_files_that_are_there(note: Path) -> None:
    spoken_of = re.findall(r"(?:schemas|monitor|agents|tests|deploy|docs)/[\w./-]*\w", note.read_text(encoding="utf-8"))
    assert [path for path in spoken_of if not (ROOT / path).exists()] == []
