"""Every story told once by the engine, for whoever wants to look at what was said."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

from monitor.model import State
from schemas.alerts import Alert
from tests.stories.events import Event
from tests.stories.play import Player
from tests.stories.script import Story
from tests.stories.stage import engine


class Telling(NamedTuple):
    """What was said in a story, what was charted in it by event id, and how its patients stand at the end."""

    alerts: tuple[Alert, ...]
    events: dict[str, Event]
    states: dict[str, State]


@cache
def telling(story: Story) -> Telling:
    """A story as the engine told it."""
    stage = engine(story.profile)
    player = Player(story, stage)
    player.play()
    return Telling(tuple(player.raised), {event["event_id"]: event for event in player.events}, stage.states)
