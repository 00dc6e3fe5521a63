"""Reads and writes story files: Markdown tables, one line per event, in the order in which events arrived.

    ## Title of the story
    One sentence that says why it must be so.
    profile: astct-2019                      (left out: house)
    looks at: escalation, masked_fever       (left out: every kind of alert)

    | when | what happens | what is told | why |

Arrival order goes down the page; `10:19@10:27` was true at 10:19 and received at 10:27.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).parent
HEADERS = {"profile", "looks at"}
COLUMNS = ("when", "what happens", "what is told", "why")


class Line(NamedTuple):
    """One line of a story. `outcome`: the expected or the actual one; `-` for nothing."""

    when: str
    what: str
    outcome: str
    why: str = ""


class Story(NamedTuple):
    """One patient's story. `looks_at`: the kinds of alerts it is about; None: all of them."""

    file: str
    title: str
    because: str
    profile: str
    looks_at: frozenset[str] | None
    lines: tuple[Line, ...]

    @property
    def name(self) -> str:
        """How a story is called in a test report and in the traceability table."""
        return f"{self.file}: {self.title}"


class MalformedStory(ValueError):
    """A story that is not written as stories are; the message names the place."""


def every_story(folder: Path = HERE) -> list[Story]:
    """All stories of a folder, by file and in their order."""
    files = (path for path in sorted(folder.glob("*.md")) if path.name != "README.md")
    return [story for path in files for story in stories_of(path.name, path.read_text("utf-8"))]


def stories_of(file: str, text: str) -> Iterator[Story]:
    """The stories of one file: everything under a second-level heading is one."""
    parts = re.split(r"^## +(.+)$", text, flags=re.MULTILINE)[1:]
    for title, body in zip(parts[::2], parts[1::2], strict=True):
        yield _story(file, title.strip(), body.splitlines())


def _story(file: str, title: str, written: Iterable[str]) -> Story:
    headers: dict[str, str] = {}
    because: list[str] = []
    rows: list[tuple[str, ...]] = []
    for line in filter(None, map(str.strip, written)):
        name, colon, value = line.partition(":")
        if line.startswith("|"):
            rows.append(cells(line))
        elif colon and name in HEADERS:
            headers[name] = value.strip()
        else:
            because.append(line)
    if not because or len(rows) < 3 or rows[0] != COLUMNS:
        raise MalformedStory(f"{file}: '{title}': a story has a sentence that says why, and a table of {COLUMNS}")
    kinds = headers.get("looks at")
    return Story(
        file,
        title,
        " ".join(because),
        headers.get("profile", "house"),
        None if kinds is None else frozenset(kind.strip() for kind in kinds.split(",")),
        tuple(_line(file, title, row) for row in rows[2:]),
    )


def cells(row: str) -> tuple[str, ...]:
    """The cells of a line of a Markdown table."""
    return tuple(cell.strip() for cell in row.strip().strip("|").split("|"))


def _line(file: str, title: str, row: tuple[str, ...]) -> Line:
    if len(row) != len(COLUMNS):
        raise MalformedStory(f"{file}: '{title}': {len(row)} cells in {row}")
    return Line(*row)


def table(lines: Iterable[Line]) -> list[str]:
    """Lines as an aligned table, to be read and compared."""
    rows = [COLUMNS, *(tuple(line) for line in lines)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(COLUMNS))]
    return [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in rows
    ]
