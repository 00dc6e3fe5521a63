"""Every story comes true: by the engine alone, with restarts between events, and through the stream's shard."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.stories.play import broken
from tests.stories.script import Story, every_story
from tests.stories.stage import Stage, engine, engine_with_rows, stream

STORIES = every_story()
STAGES = {"engine": engine, "rows": engine_with_rows, "stream": stream}


@pytest.mark.parametrize("stage", STAGES.values(), ids=STAGES)
@pytest.mark.parametrize("story", STORIES, ids=[story.name for story in STORIES])
def test_a_story_comes_true(story: Story, stage: Callable[[str], Stage]) -> None:
    difference = broken(story, stage(story.profile))
    if difference:
        pytest.fail(difference, pytrace=False)


def test_no_two_stories_have_one_name() -> None:
    assert len({story.name for story in STORIES}) == len(STORIES)
