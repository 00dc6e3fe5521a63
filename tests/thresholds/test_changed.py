"""Each number of a profile is really tested: changing it, by as little as matters, fails the line that is about it."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from monitor.guidelines import profile_loader
from monitor.guidelines.in_force import Guideline
from tests.stories.engines import GUIDELINES, Engine
from tests.stories.story_run import StoryRun
from tests.thresholds.both_sides import Threshold, numbers, story_of, thresholds

FOLDER = Path(profile_loader.__file__).parent / "profiles"
TABLES = {name: tomllib.loads((FOLDER / f"{name}.toml").read_text(encoding="utf-8")) for name in GUIDELINES}
THRESHOLDS = list(thresholds())
# The smallest change that anyone could see: a tenth of a degree, one of everything else.
SMALLEST = {"threshold_celsius": 0.1}


def changes(table: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every value of a profile by its name, and the profile with that value changed."""
    names = iter(numbers(table))
    for section, entries in table.items():
        if not isinstance(entries, dict) or section in ("sources", "rules"):
            continue
        for key, entry in entries.items():
            for index in [None] if isinstance(entry, dict) else range(len(entry)):
                other = deepcopy(table)
                cell = other[section][key] if index is None else other[section][key][index]
                change(cell, key)
                yield next(names), other


def change(cell: dict[str, Any], key: str) -> None:
    """Changes one value, or the grade, dose or limit of one line of a table."""
    if "value" in cell:
        before = cell["value"]
        cell["value"] = not before if isinstance(before, bool) else round(before + SMALLEST.get(key, 1), 1)
        return
    name = next(name for name in ("grade", "base_mmhg", "below", "mg_per_kg") if name in cell)
    cell[name] += 1 if cell[name] != 4 else -1


def notices(threshold: Threshold, guideline: Guideline, name: str) -> bool:
    """Whether some side of a line comes out other than it says."""
    for side in (0, 1):
        story = story_of(threshold, side, name)
        if StoryRun(story, Engine(guideline)).run()[-1].outcome != story.lines[-1].outcome:
            return True
    return False


CHANGED = [(name, value, table) for name in TABLES for value, table in changes(TABLES[name])]


@pytest.mark.parametrize(("name", "value", "table"), CHANGED, ids=[f"{name}-{value}" for name, value, _ in CHANGED])
def test_a_changed_number_breaks_the_line_that_is_about_it(name: str, value: str, table: dict[str, Any]) -> None:
    about = [t for t in THRESHOLDS if t.value == value and t.profile in (None, name)]
    if not about:
        # The value is the other profile's as well, and matters only there.
        assert value in set(numbers(TABLES["house"]))
        about = [t for t in THRESHOLDS if t.value == value]
        name = "house"
    ours = profile_loader.from_table({**table, "name": name}, f"{name}, changed")
    guideline = GUIDELINES[name]
    changed = Guideline(ours, guideline.astct, guideline.formulary)
    assert any(notices(threshold, changed, name) for threshold in about)
