"""A worker does not start without the topic of its heartbeats, nor with fewer partitions of it than the log has."""

from __future__ import annotations

from agents.brokers.preflight import TopicDescription, problems
from agents.platform.settings import Settings
from schemas import topics

SETTINGS = Settings(partitions=4)
THERE = {
    name: TopicDescription(4, SETTINGS.replication_factor)
    for name in (*(SETTINGS.topic(topic) for topic in topics.TOPICS), SETTINGS.changelog)
}
HEARTBEATS = SETTINGS.topic(topics.HEARTBEATS)


def test_all_topics_as_wanted_are_no_problem() -> None:
    assert list(problems(SETTINGS, THERE)) == []


def test_a_missing_topic_of_heartbeats_is_a_problem() -> None:
    without = {name: there for name, there in THERE.items() if name != HEARTBEATS}
    (problem,) = problems(SETTINGS, without)
    assert problem.startswith("topic crs.heartbeats is missing; `crs-monitor topics` creates")


def test_heartbeats_need_the_partitions_of_the_log() -> None:
    (problem,) = problems(SETTINGS, THERE | {HEARTBEATS: TopicDescription(3, SETTINGS.replication_factor)})
    assert "crs.heartbeats has 3 partitions, the settings say 4" in problem
