"""The mutants that the quick tests do not kill, each with the reason: survivors.toml.

`equivalent = "why"`: the change makes no difference. `killed_by = "tests/..."`: a test that is not among the quick ones
fails.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from pathlib import Path

FILE = Path(__file__).with_name("survivors.toml")
REASONS = ("equivalent", "killed_by")
SHORTEST_REASON = 12


def read_survivors(path: Path = FILE) -> list[dict[str, str]]:
    """Every entry of the file."""
    entries: list[dict[str, str]] = tomllib.loads(path.read_text(encoding="utf-8")).get("survivor", [])
    return entries


def explained(path: Path = FILE) -> set[str]:
    """The ids that may survive."""
    return {entry["id"] for entry in read_survivors(path)}


def objections(entries: Iterable[dict[str, str]], known: set[str], root: Path) -> list[str]:
    """What is wrong with a list of survivors; `known`: the ids of all mutants that there are."""
    found = []
    seen: set[str] = set()
    for entry in entries:
        name = entry.get("id", "")
        reasons = {key: text for key, text in entry.items() if key != "id"}
        if name not in known:
            found.append(f"no such mutant any more: {name}")
        if name in seen:
            found.append(f"listed twice: {name}")
        seen.add(name)
        if len(reasons) != 1 or not reasons.keys() <= set(REASONS) or len(*reasons.values()) < SHORTEST_REASON:
            found.append(f"needs one reason, `equivalent` or `killed_by`: {name}")
        elif not _exists(reasons.get("killed_by"), root):
            found.append(f"no such test: {reasons['killed_by']}")
    return found


def _exists(test: str | None, root: Path) -> bool:
    if test is None:
        return True
    file, _, name = test.partition("::")
    path = root / file
    function = re.escape(name.partition("[")[0])
    return path.is_file() and bool(re.search(rf"^def {function}\(", path.read_text(encoding="utf-8"), re.MULTILINE))
