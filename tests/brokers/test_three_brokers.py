"""Three brokers, three copies: one is killed while the simulator sends, and nothing is lost or doubled."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from agents.brokers.local_kafka.cluster import Cluster
from agents.brokers.preflight import describe_topics
from agents.brokers.topic_admin import compare
from agents.brokers.topic_specs import wanted_topics
from tests.broker import fresh
from tests.brokers.test_simulate import arguments, in_kafka, in_ledger
from tests.waiting import wait_until

pytestmark = [pytest.mark.kafka, pytest.mark.slow]
EVENTS = 3600
BEFORE_THE_KILL = 600
WHILE_IT_IS_DOWN = 1200


def test_a_broker_is_killed_while_the_simulator_sends(kafka_cluster: Cluster, tmp_path: Path) -> None:
    ledger = tmp_path / "ledger.ndjson"

    def accepted(count: int) -> bool:
        return ledger.is_file() and ledger.read_bytes().count(b"\n") >= count

    with fresh(kafka_cluster.bootstrap_servers, replication_factor=3) as settings:
        assert {describe_topics(settings)[topic.name].copies for topic in wanted_topics(settings)} == {3}
        assert not any(each.missing or each.differences for each in compare(settings, wanted_topics(settings)))
        options = arguments(settings, ledger, "--rate", "300", "--duration", str(EVENTS / 300))
        simulator = subprocess.Popen([sys.executable, "-m", "agents.cli.main", "simulate", *options])
        wait_until(lambda: accepted(BEFORE_THE_KILL), "events in the ledger before the kill", 90)
        kafka_cluster.kill(2)
        wait_until(lambda: accepted(BEFORE_THE_KILL + WHILE_IT_IS_DOWN), "events accepted by two brokers", 90)
        kafka_cluster.start(2)
        assert simulator.wait(90) == 0
        found = in_kafka(settings)
    assert {place: event["event_id"] for place, (_, event) in found.items()} == in_ledger(ledger)
    assert len(found) == EVENTS
