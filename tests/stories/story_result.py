"""The result of each story, run once by the engine and kept for all tests that check it."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

from monitor.model import State
from schemas.alerts import Alert
from tests.stories.engines import engine_alone
from tests.stories.events import Event
from tests.stories.story_file import Story
from tests.stories.story_run import StoryRun


class StoryResult(NamedTuple):
    """The alert messages of a story, its events by id, and the states of its patients at the end."""

    alerts: tuple[Alert, ...]
    events: dict[str, list[Event]]
    states: dict[str, State]


@cache
def result_of(story: Story) -> StoryResult:
    """The result of a story."""
    engine = engine_alone(story.profile)
    story_run = StoryRun(story, engine)
    story_run.run()
    by_id: dict[str, list[Event]] = {}
    for event in story_run.events:
        by_id.setdefault(event["event_id"], []).append(event)
    return StoryResult(tuple(story_run.raised), by_id, engine.states)
