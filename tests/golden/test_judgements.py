"""What is judged in every story stays the same to the word, unless it was meant to change."""

from __future__ import annotations

import pytest

from tests.golden import judgements
from tests.stories.story_file import Story, every_story

STORIES = every_story()
KEPT = judgements.kept()
MEANT = "meant? `python -m tests.golden.record`, and CHANGELOG says what a clinician would notice"


@pytest.mark.parametrize("story", STORIES, ids=[story.name for story in STORIES])
def test_a_story_is_judged_as_before(story: Story) -> None:
    assert judgements.judgement(story) == KEPT.get(story.name), MEANT


def test_every_story_has_its_digest() -> None:
    assert sorted(KEPT) == sorted(story.name for story in STORIES)
