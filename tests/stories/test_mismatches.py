"""A story fails, with its difference shown, when an alert was not expected or an expected one is missing."""

from __future__ import annotations

import pytest

from tests.stories.engines import engine_alone
from tests.stories.story_file import MalformedStory, Story, stories_of
from tests.stories.story_run import mismatch

STORY = """
## A low pressure
It is here to be broken.
{header}

| when | what happens | what is told | why |
|---|---|---|---|
| 08:00 | patient weight_kg 80, infused_at 08:00 | - | |
| 10:00 | temperature_celsius 38.4, systolic_mmhg 84 charted | {expected} | |
| 11:30 | systolic_mmhg 83 charted | - | |
"""
FIRST = "onset, step work-up, step telemetry, escalation 2, dose_indicated (640 mg)"


def difference(expected: str, header: str = "") -> list[str]:
    """The lines that differ when this is expected of the second line."""
    (story,) = stories_of("planted.md", STORY.format(expected=expected, header=header))
    lines = mismatch(story, engine_alone(story.profile)).splitlines()
    return [line.replace("  ", "") for line in lines if line.startswith(("+|", "-|"))]


def test_what_time_alone_changed_shows_as_a_tick() -> None:
    (actual,) = difference(FIRST)
    assert actual.startswith("+| 11:00 | tick")
    assert "dose_indicated delayed updated" in actual


def test_kinds_that_a_story_does_not_look_at_do_not_matter() -> None:
    assert difference("escalation 2", "looks at: escalation") == []


def test_an_alert_that_was_not_expected_breaks_a_story() -> None:
    expected, actual = difference("-", "looks at: escalation")
    assert "| -" in expected
    assert "| escalation 2" in actual


def test_an_alert_that_did_not_come_breaks_a_story() -> None:
    expected, actual = difference("escalation 2, neuro", "looks at: escalation, neuro")
    assert "escalation 2, neuro" in expected
    assert "neuro" not in actual


@pytest.mark.parametrize(
    ("expected", "happened"),
    [
        ("escalation 2 (high)", "escalation 2 (medium)"),
        ("escalation 2 (since 09:00)", "escalation 2 (since 10:00)"),
        ("escalation 2 (rests on spo2_percent)", "escalation 2 (rests on temperature_celsius/systolic_mmhg)"),
        ("escalation 2 (unknown weight_kg)", "escalation 2 (unknown hypoxia)"),
        ("escalation 2, grade 3", "escalation 2, grade 2"),
        ("escalation 2, verdict late", "escalation 2, verdict applied/raised"),
        ("escalation 2, dead letter defect", "escalation 2"),
        ("escalation 2, B: grade 1", "escalation 2, B: grade 0"),
    ],
)
def test_a_wrong_detail_breaks_a_story_and_shows_the_right_one(expected: str, happened: str) -> None:
    _, actual = difference(expected, "looks at: escalation")
    assert happened in actual


def test_a_misspelt_expectation_does_not_pass() -> None:
    assert difference("esclation 2", "looks at: escalation") != []
    with pytest.raises(ValueError, match="no detail"):
        difference("escalation 2 (hihg)", "looks at: escalation")


@pytest.mark.parametrize(
    ("what", "why"),
    [
        ("temprature_celsius 38.4 charted", "neither an observation nor a line of the medication record"),
        ("temperature_celsius 38.4, pulse 90", "'pulse' is no field"),
        ("voids 09:00", "nothing was charted"),
        ("acknowledge neuro", "no alert 'neuro'"),
    ],
)
def test_an_event_that_nobody_can_read_is_refused(what: str, why: str) -> None:
    (story,) = stories_of("planted.md", STORY.format(expected="-", header="").replace("systolic_mmhg 83 charted", what))
    with pytest.raises(ValueError, match=why):
        mismatch(story, engine_alone(story.profile))


@pytest.mark.parametrize("missing", ["It is here to be broken.\n", "| 11:30 | systolic_mmhg 83 charted | - | |"])
def test_a_story_says_why_and_has_four_columns(missing: str) -> None:
    text = STORY.format(expected="-", header="").replace(missing, "| 11:30 | tick |" if "|" in missing else "")
    with pytest.raises(MalformedStory):
        list(stories_of("planted.md", text))


def test_a_story_is_one_heading_with_its_table() -> None:
    (story,) = stories_of("planted.md", STORY.format(expected=FIRST, header="profile: astct-2019"))
    assert isinstance(story, Story)
    assert (story.title, story.because, story.profile) == ("A low pressure", "It is here to be broken.", "astct-2019")
    assert len(story.lines) == 3
