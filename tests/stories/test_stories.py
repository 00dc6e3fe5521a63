"""Every story has the written outcome: in the engine alone, restored before every event, and in a partition."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from monitor.verdicts import REASONS
from schemas.alert_kinds import ALERT_KINDS
from tests.stories import notation
from tests.stories.engines import StoryEngine, engine_alone, engine_with_rows
from tests.stories.story_file import Story, every_story
from tests.stories.story_run import mismatch
from tests.stories.ticking_engines import engine_with_idle_ticks, partition_engine

STORIES = every_story()
ENGINES = {
    "engine": engine_alone,
    "rows": engine_with_rows,
    "stream": partition_engine,
    "ticks": engine_with_idle_ticks,
}


@pytest.mark.parametrize("make_engine", ENGINES.values(), ids=ENGINES)
@pytest.mark.parametrize("story", STORIES, ids=[story.name for story in STORIES])
def test_a_story_has_the_written_outcome(story: Story, make_engine: Callable[[str], StoryEngine]) -> None:
    difference = mismatch(story, make_engine(story.profile))
    if difference:
        pytest.fail(difference, pytrace=False)


def test_every_verdict_occurs_in_a_story() -> None:
    expected = {
        token.name for story in STORIES for line in story.lines for token in notation.tokens(line.outcome or "-")
    }
    # The stream does not judge patients at a tick at which nothing is due.
    assert {f"verdict {reason}" for reason in REASONS} - expected == {"verdict not_due"}


@pytest.mark.parametrize("status", ["", " resolved"])
def test_every_kind_of_alert_is_raised_and_resolved_in_a_story(status: str) -> None:
    expected = {
        token.name for story in STORIES for line in story.lines for token in notation.tokens(line.outcome or "-")
    }
    silent = {
        kind for kind in ALERT_KINDS if not any(re.fullmatch(rf"{kind}( \S+)?{status}", name) for name in expected)
    }
    assert silent == set()


def test_no_two_stories_have_one_name() -> None:
    assert len({story.name for story in STORIES}) == len(STORIES)
