"""`crs-monitor topics`: creates what is missing, names what differs, and never alters a topic."""

from __future__ import annotations

import time

import pytest
from click.testing import CliRunner, Result
from kafka.admin import ConfigResource, ConfigResourceType

from agents.brokers.topic_admin import admin_client, compare
from agents.brokers.topic_specs import wanted_topics
from agents.cli.topics import command
from agents.platform.settings import Settings
from tests.broker import Broker, Fresh
from tests.waiting import wait_until

pytestmark = pytest.mark.kafka
DAY_MS = 86_400_000
TOPICS = 12


def topics(settings: Settings, *options: str) -> Result:
    """Runs the command."""
    where = ("--bootstrap-servers", settings.bootstrap_servers, "--topic-prefix", settings.topic_prefix)
    return CliRunner().invoke(command, [*where, "--partitions", str(settings.partitions), *options])


def alter(settings: Settings, name: str, configuration: dict[str, str]) -> None:
    """Changes a topic by hand, as an operator would."""
    client = admin_client(settings)
    client.alter_configs([ConfigResource(ConfigResourceType.TOPIC, name, configuration)])
    client.close()


def differences(settings: Settings) -> list[str]:
    """How the topics differ from the settings."""
    compared = compare(settings, wanted_topics(settings))
    return [f"{each.wanted.name}: {difference}" for each in compared for difference in each.differences]


def test_missing_topics_are_named_then_created_then_found_as_set(kafka_settings: Fresh) -> None:
    settings = kafka_settings(topics=False)
    before = topics(settings, "--check")
    assert before.exit_code == 1
    assert f"{settings.topic_prefix}vitals: is missing" in before.output
    assert [each.missing for each in compare(settings, wanted_topics(settings))] == [True] * TOPICS
    assert topics(settings).exit_code == 0
    again = topics(settings, "--check")
    assert again.exit_code == 0, again.output
    assert again.output.count("as set") == TOPICS


def test_a_topic_somebody_has_changed_is_named_and_left_as_it_is(kafka_settings: Fresh) -> None:
    settings = kafka_settings()
    log = f"{settings.topic_prefix}patient-events"
    alter(settings, log, {"retention.ms": str(DAY_MS)})
    difference = f"{log}: retention.ms is {DAY_MS}, wanted {60 * DAY_MS}"
    assert wait_until(lambda: differences(settings), "the change at the broker") == [difference]
    for options in ((), ("--check",)):
        result = topics(settings, *options)
        assert result.exit_code == 1
        assert difference in result.output
    assert differences(settings) == [difference]


def test_partitions_that_differ_are_named_for_every_topic(kafka_settings: Fresh) -> None:
    settings = kafka_settings()
    result = topics(settings.model_copy(update={"partitions": 6}))
    assert result.exit_code == 1
    assert result.output.count("partitions are 4, wanted 6") == TOPICS


def test_more_copies_than_brokers_is_refused_with_advice(kafka: Broker, kafka_settings: Fresh) -> None:
    settings = kafka_settings(topics=False)
    brokers = len(kafka.bootstrap_servers.split(","))
    result = topics(settings, "--replication-factor", "9")
    assert result.exit_code == 2
    assert f"set CRS_REPLICATION_FACTOR to {brokers} or fewer" in result.output


@pytest.mark.slow
def test_no_broker_is_one_line_within_seconds() -> None:
    since = time.monotonic()
    result = CliRunner().invoke(command, ["--bootstrap-servers", "127.0.0.1:1"])
    assert result.exit_code == 2
    assert "no broker answers" in result.output
    assert "Traceback" not in result.output
    assert time.monotonic() - since < 8
