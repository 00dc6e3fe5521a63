"""Before a command works: the topics that it needs exist, and co-partitioned ones have equally many partitions."""

from __future__ import annotations

import pytest

from agents.brokers import preflight
from agents.brokers.preflight import TopicDescription, problems, require_topics
from agents.platform.errors import UserError
from agents.platform.guideline_option import load_guideline
from agents.platform.settings import Settings
from schemas.topics import TOPICS

SETTINGS = Settings(partitions=4)
EVERYTHING = {SETTINGS.topic(topic): TopicDescription(4, 1) for topic in TOPICS} | {
    SETTINGS.changelog: TopicDescription(4, 1)
}


@pytest.fixture
def brokers(monkeypatch: pytest.MonkeyPatch) -> dict[str, TopicDescription]:
    """The topics that the brokers have; a test changes them."""
    present = dict(EVERYTHING)
    monkeypatch.setattr(preflight, "describe_topics", lambda settings, patience_seconds: present)
    return present


def test_the_common_number_of_partitions_is_returned(brokers: dict[str, TopicDescription]) -> None:
    brokers["crs.assessments"] = TopicDescription(12, 1)
    assert require_topics(SETTINGS, ["crs.alerts", "crs.patient-state"], ["crs.assessments"]) == 4
    assert require_topics(SETTINGS, [], ["crs.assessments"]) == 0


@pytest.mark.parametrize("missing", ["crs.alerts", "crs.assessments"])
def test_a_missing_topic_is_named_with_the_command_that_creates_it(
    brokers: dict[str, TopicDescription], missing: str
) -> None:
    del brokers[missing]
    with pytest.raises(UserError, match=f"topic {missing} is missing; `crs-monitor topics` creates"):
        require_topics(SETTINGS, ["crs.alerts"], ["crs.assessments"])


def test_partitions_that_differ_are_named(brokers: dict[str, TopicDescription]) -> None:
    brokers["crs.heartbeats"] = TopicDescription(12, 1)
    with pytest.raises(UserError, match=r"crs.alerts has 4 partitions, crs.heartbeats has 12: they must have equally"):
        require_topics(SETTINGS, ["crs.alerts", "crs.patient-state", "crs.heartbeats"])


@pytest.mark.parametrize(
    ("topic", "described", "complaint"),
    [
        ("crs.patient-events", None, "topic crs.patient-events is missing"),
        ("crs.heartbeats", None, "topic crs.heartbeats is missing"),
        ("crs.heartbeats", TopicDescription(5, 1), "crs.heartbeats has 5 partitions, the settings say 4"),
        ("crs.watch-patients-changelog", TopicDescription(5, 1), "has 5 partitions, the settings say 4"),
        ("crs.alerts", TopicDescription(4, 0), "crs.alerts has 0 copies, the settings ask for 1"),
        ("crs.vitals", TopicDescription(5, 1), ""),  # A feed may have its own number of partitions.
    ],
)
def test_a_worker_needs_every_topic_as_the_settings_ask(
    topic: str, described: TopicDescription | None, complaint: str
) -> None:
    present = {name: each for name, each in EVERYTHING.items() if name != topic or described is not None}
    if described is not None:
        present[topic] = described
    assert [complaint in each for each in problems(SETTINGS, present)] == ([True] if complaint else [])


@pytest.mark.parametrize("command", ["board", "dispatch"])
def test_board_and_dispatch_need_the_heartbeats(
    brokers: dict[str, TopicDescription], command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from importlib import import_module

    brokers["crs.dispatch-delivered"] = TopicDescription(4, 1)
    require = import_module(f"agents.cli.{command}")._require_topics
    require(SETTINGS)
    del brokers["crs.heartbeats"]
    with pytest.raises(UserError, match=r"topic crs.heartbeats is missing"):
        require(SETTINGS)


def test_a_profile_that_does_not_exist_is_named_with_those_that_do() -> None:
    with pytest.raises(UserError, match="no profile 'lee-2014'; there are: astct-2019, house"):
        load_guideline("lee-2014")
    assert load_guideline("house").profile.name == "house"
