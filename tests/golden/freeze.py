"""Writes the frozen copy of this build's row reader, as one file without imports from the product.

The source of the model and of the reader is taken over as it is; what they import from elsewhere in the product (the
names of closed sets, two constants) is written down by value.
"""

from __future__ import annotations

import ast
import re
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

from monitor.record.latest_vitals import DISPLAYED

ROOT = Path(__file__).parents[2]
FROZEN = Path(__file__).parent / "frozen"
RELEASE = "0.2"
READER = FROZEN / "reader_0_2.py"
ROWS = FROZEN / "rows_0_2.ndjson"
PARTS = (
    "monitor/fact_types.py",
    "monitor/model.py",
    "monitor/record/other_builds.py",
    "monitor/record/version_2.py",
    "monitor/record/row.py",
)
PRODUCT = ("monitor", "schemas")
HEAD = f'''"""How build {RELEASE} reads a row: frozen. Written by `python -m tests.golden.record --frozen`."""

from __future__ import annotations

import typing
'''


def is_released() -> bool:
    """Whether the release is out."""
    return has_release((ROOT / "CHANGELOG.md").read_text(encoding="utf-8"))


def has_release(changelog: str) -> bool:
    """Whether a changelog has the release."""
    return re.search(rf"^## {re.escape(RELEASE)}\b", changelog, re.MULTILINE) is not None


def frozen_source() -> str:
    """The frozen reader's source."""
    taken = {part.removesuffix(".py").replace("/", ".") for part in PARTS}
    imports: dict[str, None] = {}
    values: dict[str, str] = {}
    bodies: list[str] = []
    for part in PARTS:
        text = (ROOT / part).read_text(encoding="utf-8")
        lines = text.splitlines()
        tree = ast.parse(text)
        for node in tree.body:
            if isinstance(node, ast.Import | ast.ImportFrom):
                module = getattr(node, "module", None) or ""
                if module.partition(".")[0] in PRODUCT:
                    values |= {} if module in taken else by_value(module, node)
                elif module != "__future__":
                    imports[ast.unparse(node)] = None
                for number in range(node.lineno - 1, node.end_lineno or node.lineno):
                    lines[number] = ""
        first = tree.body[0]
        bodies.append("\n".join(lines[first.end_lineno or 0 :]).strip())
    named = "\n".join(f"{name} = {value}" for name, value in values.items())
    shown = f"DISPLAYED = {DISPLAYED!r}  # the order of the values in LatestFromEvent"
    return "\n\n".join((HEAD + "\n".join(imports), f"{named}\n{shown}", *bodies)) + "\n"


def by_value(module: str, node: Any) -> dict[str, str]:
    """What a module of the product gives, each name with its value as source."""
    found = {alias.name: getattr(import_module(module), alias.name) for alias in node.names}
    for name, value in found.items():
        assert isinstance(value, int | str | tuple) or repr(value).startswith("typing.Literal["), f"{name}: by value?"
    return {name: repr(value) for name, value in found.items()}


def write_reader() -> None:
    """Writes the reader, unless the release is out. Raises SystemExit."""
    if is_released():
        sys.exit(f"{RELEASE} is released: its reader and its rows are not written any more")
    READER.write_text(frozen_source(), encoding="utf-8")
