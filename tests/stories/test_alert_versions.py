"""The life of an alert: raised once, every version published in turn, closed once, and open in the state until then."""

from __future__ import annotations

from collections import defaultdict

import pytest

from schemas.alerts import Alert
from tests.stories.engines import engine_alone
from tests.stories.story_file import Story, every_story
from tests.stories.story_result import result_of
from tests.stories.story_run import StoryRun

STORIES = every_story()
CLOSED = ("resolved", "retracted")
TECHNICAL = {"signal_lost", "data_quality", "unmonitored"}


def versions(story: Story) -> dict[str, list[Alert]]:
    """The messages of every alert of a story, in order."""
    found: dict[str, list[Alert]] = defaultdict(list)
    for alert in result_of(story).alerts:
        found[alert.alert_id].append(alert)
    return found


@pytest.mark.parametrize("story", STORIES, ids=[story.name for story in STORIES])
def test_an_alert_is_raised_once_and_closed_at_most_once(story: Story) -> None:
    for life in versions(story).values():
        assert [alert.version for alert in life] == list(range(1, len(life) + 1))
        assert [alert.status == "raised" for alert in life] == [True] + [False] * (len(life) - 1)
        assert all(alert.status not in CLOSED for alert in life[:-1])
        assert [alert.raised_at for alert in life] == sorted(alert.raised_at for alert in life)
        assert len({(alert.patient_id, alert.kind, alert.episode) for alert in life}) == 1
        assert all((alert.priority == "technical") == (alert.kind in TECHNICAL) for alert in life)


@pytest.mark.parametrize("story", STORIES, ids=[story.name for story in STORIES])
def test_what_was_raised_and_not_closed_is_open_in_the_state(story: Story) -> None:
    published = {
        (life[-1].patient_id, name, life[-1].version)
        for name, life in versions(story).items()
        if life[-1].status not in CLOSED
    }
    in_state = {
        (patient_id, alert.alert_id, alert.version)
        for patient_id, state in result_of(story).states.items()
        for alert in state.alerts.open
    }
    assert published == in_state


@pytest.mark.parametrize("story", STORIES, ids=[story.name for story in STORIES])
def test_a_second_run_is_the_same_to_the_byte(story: Story) -> None:
    again = StoryRun(story, engine_alone(story.profile))
    again.run()
    first, second = (
        [alert.model_dump_json() for alert in alerts] for alerts in (result_of(story).alerts, again.raised)
    )
    assert first == second
