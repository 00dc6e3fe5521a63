"""Both sides of every number: a Markdown table with a line per value, just before it matters and just when it does.

    | value | given | this side | that side |
    | fever.threshold_celsius = 38.0 | infused | 10:00 temperature_celsius 37.9 charted -> grade 0 | … -> grade 1 |

Events are written as in the stories, parted by `; `; words before a colon in the table of beginnings stand for several.
What is asked for after `->` is held against the last event or tick. A value is named as it stands in the profile.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from tests.stories import notation
from tests.stories.engines import engine_alone
from tests.stories.story_file import Line, Story, cells
from tests.stories.story_run import StoryRun

HERE = Path(__file__).parent
_TIME = r"(?:day \d+ )?\d\d:\d\d(?::\d\d)?"
_EVENT = re.compile(rf"(?P<when>{_TIME}(?:@{_TIME})?) (?P<what>.+)")
COLUMNS = ("value", "given", "this side", "that side")


class Threshold(NamedTuple):
    """One value with both its sides. `profile`: the only one it is tried in, or None for all that have the value."""

    value: str
    given: tuple[Line, ...]
    sides: tuple[tuple[Line, ...], tuple[Line, ...]]
    profile: str | None

    @property
    def kinds(self) -> frozenset[str]:
        """The kinds of alerts that either side speaks of; others are not looked at."""
        asked = (token for side in self.sides for token in notation.tokens(side[-1].outcome))
        return frozenset(token.name.split()[0] for token in asked if notation.is_alert(token.name))


def thresholds() -> Iterator[Threshold]:
    """Every line of every table."""
    for path in sorted(HERE.glob("*.md")):
        beginnings: dict[str, tuple[Line, ...]] = {}
        for row in (cells(line) for line in path.read_text(encoding="utf-8").splitlines() if line.startswith("|")):
            if len(row) == 2 and row != ("beginning", "events") and not row[0].startswith("-"):
                beginnings[row[0]] = _lines(row[1], beginnings)
            elif len(row) == len(COLUMNS) and row != COLUMNS and not row[0].startswith("-"):
                yield _threshold(row, beginnings)


def _threshold(row: tuple[str, ...], beginnings: Mapping[str, tuple[Line, ...]]) -> Threshold:
    profile, colon, value = row[0].rpartition(": ")
    given, this, that = (_lines(cell, beginnings) for cell in row[1:])
    assert all(side[-1].outcome for side in (this, that)), f"{value}: a side says what to expect after '->'"
    return Threshold(value, given, (this, that), profile if colon else None)


def _lines(cell: str, beginnings: Mapping[str, tuple[Line, ...]]) -> tuple[Line, ...]:
    events, _, expected = cell.partition(" -> ")
    lines: list[Line] = []
    for event in filter(None, events.split("; ")):
        lines += beginnings.get(event) or [_line(event)]
    return (*lines[:-1], lines[-1]._replace(outcome=expected))


def _line(event: str) -> Line:
    found = _EVENT.fullmatch(event)
    assert found is not None, f"'{event}' is neither a time with an event nor the name of a beginning"
    return Line(found["when"], found["what"], "")


def outcome(threshold: Threshold, side: int, profile: str) -> tuple[str, str]:
    """The expected and the actual outcome of the last event of a side."""
    story = story_of(threshold, side, profile)
    return story.lines[-1].outcome, StoryRun(story, engine_alone(profile)).run()[-1].outcome


def story_of(threshold: Threshold, side: int, profile: str) -> Story:
    """One side of a value as a story, of which only the last line asks for anything."""
    lines = tuple(line._replace(outcome=line.outcome or "-") for line in (*threshold.given, *threshold.sides[side]))
    return Story("thresholds", f"both sides of {threshold.value}", "", profile, threshold.kinds, lines)


def numbers(profile: Mapping[str, Any]) -> Iterator[str]:
    """Every value of a profile file as the tables name it: `section.key = value`."""
    for section, entries in profile.items():
        if not isinstance(entries, dict) or section in ("sources", "rules"):
            continue
        for key, entry in entries.items():
            if isinstance(entry, dict):
                yield f"{section}.{key} = {_shown(entry['value'])}"
            else:
                yield from (f"{section}.{key} {_row(row)}" for row in entry)


def _row(row: Mapping[str, Any]) -> str:
    """A line of a table inside a profile, in words."""
    match row:
        case {"from_years": start, "below_years": end, "base_mmhg": base, "per_year_mmhg": more}:
            return f"{start} to {end} years = {base}" + (f" + {more} per year" if more else "")
        case {"vasopressors": count, "vasopressin": also, "dose": dose, "grade": grade}:
            return f"{count} vasopressors, {dose} dose{', vasopressin' if also else ''} = {grade}"
        case {"drug": drug, "below": below, "unit": unit}:
            return f"{drug} = {below} {unit}"
        case {"devices": devices, "flow": flow, "grade": grade}:
            limit = f" {row['limit_l_per_min']}" if "limit_l_per_min" in row else ""
            return f"{'/'.join(devices)} {flow}{limit} = {grade}"
        case {"from_kg": start, "below_kg": end, "mg_per_kg": dose}:
            return f"{start} to {end} kg = {dose}"
    raise AssertionError(f"a table that no threshold can name: {row}")


def _shown(value: float | bool) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
