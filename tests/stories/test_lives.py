"""The life of an alert: raised once, every version told in turn, closed once, and open in the state until then."""

from __future__ import annotations

from collections import defaultdict

import pytest

from schemas.alerts import Alert
from tests.stories.play import Player
from tests.stories.script import Story, every_story
from tests.stories.stage import engine
from tests.stories.telling import telling

STORIES = every_story()
CLOSED = ("resolved", "retracted")
TECHNICAL = {"signal_lost", "data_quality", "unmonitored"}


def lives(story: Story) -> dict[str, list[Alert]]:
    """The messages of every alert of a story, in turn."""
    found: dict[str, list[Alert]] = defaultdict(list)
    for alert in telling(story).alerts:
        found[alert.alert_id].append(alert)
    return found


@pytest.mark.parametrize("story", STORIES, ids=[story.name for story in STORIES])
def test_an_alert_lives_once(story: Story) -> None:
    for life in lives(story).values():
        assert [alert.version for alert in life] == list(range(1, len(life) + 1))
        assert [alert.status == "raised" for alert in life] == [True] + [False] * (len(life) - 1)
        assert all(alert.status not in CLOSED for alert in life[:-1])
        assert [alert.raised_at for alert in life] == sorted(alert.raised_at for alert in life)
        assert len({(alert.patient_id, alert.kind, alert.episode) for alert in life}) == 1
        assert all((alert.priority == "technical") == (alert.kind in TECHNICAL) for alert in life)


@pytest.mark.parametrize("story", STORIES, ids=[story.name for story in STORIES])
def test_what_was_told_and_not_closed_is_open_in_the_state(story: Story) -> None:
    told = {
        (life[-1].patient_id, name, life[-1].version)
        for name, life in lives(story).items()
        if life[-1].status not in CLOSED
    }
    standing = {
        (patient_id, alert.alert_id, alert.version)
        for patient_id, state in telling(story).states.items()
        for alert in state.alerts.open
    }
    assert told == standing


@pytest.mark.parametrize("story", STORIES, ids=[story.name for story in STORIES])
def test_told_again_it_is_the_same_to_the_byte(story: Story) -> None:
    player = Player(story, engine(story.profile))
    player.play()
    first, again = ([alert.model_dump_json() for alert in alerts] for alerts in (telling(story).alerts, player.raised))
    assert first == again
