"""Every story comes true: by the engine alone, with restarts between events, and through the stream's shard."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import get_args

import pytest

from monitor.verdicts import REASONS
from schemas.alerts import AlertKind
from tests.stories import words
from tests.stories.play import broken
from tests.stories.script import Story, every_story
from tests.stories.stage import Stage, engine, engine_with_rows
from tests.stories.ticking import engine_that_ticks, stream

STORIES = every_story()
STAGES = {"engine": engine, "rows": engine_with_rows, "stream": stream, "ticks": engine_that_ticks}


@pytest.mark.parametrize("stage", STAGES.values(), ids=STAGES)
@pytest.mark.parametrize("story", STORIES, ids=[story.name for story in STORIES])
def test_a_story_comes_true(story: Story, stage: Callable[[str], Stage]) -> None:
    difference = broken(story, stage(story.profile))
    if difference:
        pytest.fail(difference, pytrace=False)


def test_every_reason_to_say_something_or_nothing_is_told_in_a_story() -> None:
    told = {token.name for story in STORIES for line in story.lines for token in words.tokens(line.told or "-")}
    # The stream does not even ask about a tick at which nothing is due.
    assert {f"verdict {reason}" for reason in REASONS} - told == {"verdict not_due"}


@pytest.mark.parametrize("status", ["", " resolved"])
def test_every_kind_of_alert_is_raised_and_resolved_in_a_story(status: str) -> None:
    told = {token.name for story in STORIES for line in story.lines for token in words.tokens(line.told or "-")}
    silent = {kind for kind in get_args(AlertKind) if not any(re.fullmatch(rf"{kind}( \S+)?{status}", t) for t in told)}
    assert silent == set()


def test_no_two_stories_have_one_name() -> None:
    assert len({story.name for story in STORIES}) == len(STORIES)
