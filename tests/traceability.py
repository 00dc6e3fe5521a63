"""Generates docs/traceability.md: for each line of the guideline its rules, their sources and their tests.

`python -m tests.traceability` writes it, `--check` compares it with what would be written, `--guideline FILE` compares
the list of lines (guideline.toml) with a copy of the text, which is not part of this repository.
"""

from __future__ import annotations

import hashlib
import sys
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from monitor.guidelines.profile_loader import Profile, load
from tests.stories.engines import engine_alone
from tests.stories.story_file import Story, every_story
from tests.stories.story_run import StoryRun
from tests.thresholds.both_sides import story_of, thresholds

ROOT = Path(__file__).parents[1]
TABLE = ROOT / "docs" / "traceability.md"
LINES = Path(__file__).with_name("guideline.toml")
PROFILES = ("house", "astct-2019")
SHOWN = 3  # tests named per rule
HEAD = """# From the guideline to rule, source and test

Written by `python -m tests.traceability`; a test fails when it is out of date. The guideline's lines are
paraphrased. Sources: {sources}. "Ward policy" is a default that a ward may change.

crs-monitor is decision support. It is not a medical device and not a primary alarm.
"""


class Asked(NamedTuple):
    """One line of the guideline. No rules: it asks for nothing."""

    number: int
    what: str
    rules: tuple[str, ...]
    stories: tuple[str, ...]


def guideline() -> list[Asked]:
    """The lines of the guideline."""
    listed = tomllib.loads(LINES.read_text(encoding="utf-8"))["line"]
    return [
        Asked(line["number"], line["what"], tuple(line.get("rules", ())), tuple(line.get("stories", ())))
        for line in listed
    ]


def raised_by() -> dict[str, list[str]]:
    """Every rule that a test raises an alert of, with the names of those tests."""
    found: dict[str, list[str]] = {}
    for story, strict in _tests():
        for rule in dict.fromkeys(_rules_of(story, strict)):
            if story.name not in found.setdefault(rule, []):
                found[rule].append(story.name)
    return found


def _tests() -> Iterator[tuple[Story, bool]]:
    """Every story, of which every line is checked (True), and every side of a threshold, of which only the last is."""
    yield from ((story, True) for story in every_story())
    for threshold in thresholds():
        yield from ((story_of(threshold, side, threshold.profile or PROFILES[0]), False) for side in (0, 1))


def _rules_of(story: Story, strict: bool) -> Iterator[str]:
    story_run = StoryRun(story, engine_alone(story.profile))
    story_run.run()
    for alert in story_run.raised if strict else story_run.last:
        if story.looks_at is None or alert.kind in story.looks_at:
            yield alert.rule.id
    if any("reminder organ function" in line.outcome for line in story.lines):
        yield "organ-function"


def document() -> str:
    """The whole table as Markdown."""
    profiles = [load(name) for name in PROFILES]
    tests = raised_by()
    parts = [
        HEAD.format(sources="; ".join(f"{letter} {name}" for letter, name in profiles[0].sources.items())),
        "## What the guideline asks for\n",
        *table(("line", "what it asks for", "rule", "source", "story"), _actions(profiles[0], tests)),
        "\n## Lines that ask for nothing\n",
        *table(("line", "what it is"), ((str(a.number), a.what) for a in guideline() if not a.rules)),
        "\n## Every rule\n",
        *table(("rule", "source", "raised by"), _rules(profiles[0], tests)),
        "\n## Every number\n",
        *table(("value", *PROFILES, "source"), _values(profiles)),
    ]
    return "\n".join(parts) + "\n"


def _actions(profile: Profile, tests: Mapping[str, list[str]]) -> Iterator[tuple[str, ...]]:
    for asked in guideline():
        for index, rule in enumerate(asked.rules):
            first = (str(asked.number), asked.what) if index == 0 else ("", "")
            stories = [story for story in asked.stories if story in tests[rule]]
            yield (*first, f"`{rule}`", profile.rules[rule], "; ".join(stories))


def _rules(profile: Profile, tests: Mapping[str, list[str]]) -> Iterator[tuple[str, ...]]:
    for rule, source in profile.rules.items():
        yield f"`{rule}`", source, shown(tests[rule])


def _values(profiles: list[Profile]) -> Iterator[tuple[str, ...]]:
    for name in profiles[0].values:
        sources = dict.fromkeys(profile.value_sources[name] for profile in profiles)
        yield (f"`{name}`", *(f"{profile.values[name]}" for profile in profiles), "; ".join(sources))


def shown(names: list[str]) -> str:
    """A few names, and whether there are more."""
    return "; ".join(names[:SHOWN]) + ("; and others" if len(names) > SHOWN else "")


def table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    """The lines of a Markdown table."""
    for row in (head, ("---",) * len(head), *rows):
        yield f"| {' | '.join(row)} |"


def differs_from_text(text: bytes) -> list[str]:
    """How the list of lines differs from a copy of the guideline."""
    numbers = [asked.number for asked in guideline()]
    problems = []
    if numbers != list(range(1, len(text.decode("utf-8").splitlines()) + 1)):
        problems.append(f"{LINES.name} lists {len(numbers)} lines, the text has {len(text.decode().splitlines())}")
    if hashlib.sha256(text).hexdigest() != tomllib.loads(LINES.read_text(encoding="utf-8"))["sha256"]:
        problems.append("the text is not the one that was read line by line: read it again")
    return problems


def main(arguments: list[str]) -> int:
    """Writes or checks. Returns the exit code: 0 when the file is up to date, 1 when not."""
    if arguments[:1] == ["--guideline"]:
        problems = differs_from_text(Path(arguments[1]).read_bytes())
        print("\n".join(problems) or "every line of the guideline is listed")
        return 1 if problems else 0
    if arguments == ["--check"]:
        return 0 if TABLE.exists() and TABLE.read_text(encoding="utf-8") == document() else 1
    TABLE.parent.mkdir(exist_ok=True)
    TABLE.write_text(document(), encoding="utf-8")
    print(f"wrote {TABLE.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
