"""Workers are killed, paused and replaced, a broker is killed, and nothing is lost, invented or changed."""

from __future__ import annotations

from pathlib import Path

import pytest

from agents.brokers import topic_admin
from agents.brokers.local_kafka.cluster import Cluster
from agents.brokers.topic_specs import wanted_topics
from tests.chaos.plans import SHORT, SHORT_FAULTS, log_files, three_copies
from tests.chaos.run import chaos


@pytest.mark.kafka
@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("checkpoint_seconds", [0.0, 1.0], ids=["every-batch", "write-behind"])
def test_nothing_is_lost_invented_or_changed(kafka_cluster: Cluster, tmp_path: Path, checkpoint_seconds: float) -> None:
    settings = three_copies(kafka_cluster, f"short-{checkpoint_seconds:g}.", checkpoint_seconds)
    topic_admin.create(settings, wanted_topics(settings))
    report = chaos(settings, tmp_path, SHORT, SHORT_FAULTS, kafka_cluster)
    assert report.ok, f"{report}; {log_files(tmp_path)}"
    assert report.verdict["events"] >= SHORT.seconds * SHORT.rate, "every event was judged"
    assert report.verdict["alerts"] > 100, "alerts were raised"
    assert report.exits["killed"] >= 1
    # Awake again, it notices by the fence, or its consumer first, whose partitions are another's by then.
    assert report.exits.keys() & {"stood still", "fail stop"}, "the paused worker ended itself"
    assert report.exits["left"] >= 1
