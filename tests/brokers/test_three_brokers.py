"""Three brokers, three copies: one is killed while the ward goes on, and nothing is lost or doubled."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from agents.brokers.local_kafka import Cluster
from agents.brokers.preflight import describe_topics
from agents.brokers.topic_admin import compare
from agents.brokers.topic_specs import wanted_topics
from tests.broker import fresh
from tests.brokers.test_simulate import arguments, in_kafka, in_ledger

pytestmark = [pytest.mark.kafka, pytest.mark.slow]


def test_a_broker_is_killed_while_the_simulator_sends(kafka_cluster: Cluster, tmp_path: Path) -> None:
    ledger = tmp_path / "ledger.ndjson"
    with fresh(kafka_cluster.bootstrap_servers, replication_factor=3) as settings:
        assert {describe_topics(settings)[topic.name].copies for topic in wanted_topics(settings)} == {3}
        assert not any(each.missing or each.differences for each in compare(settings, wanted_topics(settings)))
        options = arguments(settings, ledger, "--rate", "300", "--duration", "12")
        simulator = subprocess.Popen([sys.executable, "-m", "agents.cli.main", "simulate", *options])
        time.sleep(4)
        kafka_cluster.kill(2)
        time.sleep(4)
        kafka_cluster.start(2)
        assert simulator.wait(90) == 0
        there = in_kafka(settings)
    assert {place: event["event_id"] for place, (_, event) in there.items()} == in_ledger(ledger)
    assert len(there) == 3600
