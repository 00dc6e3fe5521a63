"""A worker as a process on a real Kafka: from a feed's message to alert and state, also after a kill or a pause."""

from __future__ import annotations

import json
import signal
import socket
import time
import urllib.error
import urllib.request
from datetime import timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import KafkaException, Producer
from jsonschema import Draft202012Validator
from kafka.admin import KafkaAdminClient, NewPartitions

from agents.engine.changelog import MARKER
from agents.platform.fail_stop import FENCED
from agents.platform.settings import Settings
from schemas import topics
from tests.broker import Fresh
from tests.chaos.supervisor import Supervised
from tests.worker.worker_process import BEGAN, LEAVE_SECONDS, Feeds, eventually, kinds, refused, worker

pytestmark = pytest.mark.kafka
SECONDS_TO_NEW_PARTITIONS = 60  # clients ask for new ones once in five minutes by themselves


def test_from_a_feeds_message_to_alert_and_state(kafka_settings: Fresh, tmp_path: Path) -> None:
    settings = kafka_settings()
    feeds = Feeds(settings)
    with worker(settings, tmp_path) as process:
        feeds.send(topics.PATIENTS, 0, weight_kg=70, unit="4 West", age_years=54)
        # Feed topics are read side by side: a message of another one may come first.
        eventually(feeds.state, lambda state: "context" in state)
        feeds.vitals(1, temperature_celsius=38.6)
        feeds.vitals(2, systolic_mmhg=84)
        eventually(feeds.state, lambda state: state.get("grade") == 2)
        feeds.send(topics.MEDICATIONS, 3, drug="norepinephrine", action="started", rate=30, rate_unit="mcg/min")
        eventually(feeds.alerts, lambda alerts: any(alert["grade"] == 3 for alert in alerts))
        wanted = {"onset", "escalation", "dose_indicated", "step"}
        alerts = eventually(feeds.alerts, lambda alerts: wanted <= kinds(alerts))
        dose = next(alert for alert in alerts if alert["kind"] == "dose_indicated")
        assert dose["recommendation"]["dose_mg"] == 560
        state = eventually(feeds.state, lambda state: state.get("grade") == 3)
        assert (state["axes"]["hypotension"]["grade"], state["context"]["unit"]) == (3, "4 West")
        process.send_signal(signal.SIGTERM)
        assert process.wait(LEAVE_SECONDS) == 0
    log = (tmp_path / "worker.log").read_text()
    assert "p1" not in log
    assert "norepinephrine" not in log


def test_a_replaced_container_is_given_its_partitions_at_once(kafka_settings: Fresh, tmp_path: Path) -> None:
    """Under its name a worker gets the group's last shares back, written when its container had another host name."""
    settings = kafka_settings()
    feeds = Feeds(settings)
    log = tmp_path / "worker.log"
    signs: list[dict[str, Any]] = [{"temperature_celsius": 38.6}, {"systolic_mmhg": 84}]
    for number, host in enumerate(("5f2a1c", "9d80be"), start=1):
        with worker(settings, tmp_path, CRS_INSTANCE_ID="worker-1", WEB_HOST=host) as process:
            feeds.send(topics.PATIENTS, 0, weight_kg=70)
            feeds.vitals(number, **signs[number - 1])
            eventually(feeds.state, lambda state, grade=number: state.get("grade") == grade)  # type: ignore[misc]
            process.kill()
            process.wait(LEAVE_SECONDS)
    assert "Unexpected error in coordinator routine" not in log.read_text()


def test_an_update_that_changes_its_url_costs_a_named_worker_one_session(
    kafka_settings: Fresh, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The older build's shares do not fit: the worker ends itself, and its next process is given new ones."""
    settings = kafka_settings(instance_id="worker-1", session_timeout_seconds=15.0)
    feeds = Feeds(settings)
    monkeypatch.setenv("WEB_HOST", "5f2a1c")
    with Supervised("older", tmp_path, settings, ("-m", "tests.worker.older_member")):
        feeds.vitals(1, temperature_celsius=38.6)
        eventually(feeds.state, lambda state: state.get("grade") == 1)
    monkeypatch.delenv("WEB_HOST")
    with Supervised("newer", tmp_path, settings) as newer:
        feeds.vitals(2, systolic_mmhg=84)
        eventually(feeds.state, lambda state: state.get("grade") == 2)
    assert not newer.logged("no partitions for"), "that would have taken minutes"


SCHEMAS = {
    topics.ALERTS: "alert.json",
    topics.PATIENT_STATE: "patient-state.json",
    topics.DEAD_LETTERS: "dead-letter.json",
    topics.HEARTBEATS: "heartbeat.json",
}


def test_every_message_on_an_output_topic_is_what_its_schema_says(kafka_settings: Fresh, tmp_path: Path) -> None:
    settings = kafka_settings()
    feeds = Feeds(settings)
    with worker(settings, tmp_path):
        feeds.vitals(1, temperature_celsius=38.6)
        feeds.vitals(2, spo2_percent=150, heart_rate_per_min=90)
        for topic in SCHEMAS:
            eventually(lambda topic=topic: feeds.read(settings.topic(topic)), bool)  # type: ignore[misc]
    for topic, schema in SCHEMAS.items():
        validator = Draft202012Validator(json.loads((files("schemas") / "json" / schema).read_text()))
        for message in feeds.read(settings.topic(topic)):
            validator.validate(json.loads(message.value()))
    for message in feeds.read(settings.topic(topics.HEARTBEATS)):
        assert message.key() is None
        assert json.loads(message.value())["partition"] == message.partition()


def test_a_killed_worker_goes_on_where_it_was_and_changes_no_alert(kafka_settings: Fresh, tmp_path: Path) -> None:
    settings = kafka_settings()
    feeds = Feeds(settings)
    with worker(settings, tmp_path) as process:
        feeds.vitals(1, temperature_celsius=38.6)
        eventually(feeds.alerts, lambda alerts: "onset" in kinds(alerts))
        process.kill()
    with worker(settings, tmp_path):
        feeds.vitals(2, systolic_mmhg=84)
        alerts = eventually(feeds.alerts, lambda alerts: "escalation" in kinds(alerts))
        state = eventually(feeds.state, lambda state: state.get("grade") == 2)
        rows = eventually(feeds.rows, lambda rows: rows.decoded().keys() == {"p1"})
    assert state["onset_at"] == (BEGAN + timedelta(minutes=1)).isoformat().replace("+00:00", "Z")
    versions = {(alert["alert_id"], alert["version"]): json.dumps(alert) for alert in alerts}
    assert all(json.dumps(alert) == versions[alert["alert_id"], alert["version"]] for alert in alerts)
    assert rows.epoch == 2, "the second worker claimed the partition"


def test_foreign_records_in_the_changelog_stop_no_worker(kafka_settings: Fresh, tmp_path: Path) -> None:
    settings = kafka_settings()
    feeds = Feeds(settings)
    strange: list[tuple[bytes, bytes | None, list[tuple[str, str | bytes | None]]]] = [
        (b"p1", b"?", []),
        (b"p1", b"?", [("epoch", b"tomorrow")]),
        (b"p1", None, [("epoch", None)]),
        (b"\xff", b"?", [("epoch", b"1")]),
        (MARKER, b"{", [("epoch", b"1")]),
    ]

    def accepted(error: object, _: object) -> None:
        assert error is None

    def send_strange() -> None:
        for key, value, headers in strange:
            for partition in range(settings.partitions):
                feeds.producer.produce(settings.changelog, value, key, partition, accepted, headers=headers)
        assert feeds.producer.flush(60) == 0

    send_strange()
    with worker(settings, tmp_path) as process:
        feeds.vitals(1, temperature_celsius=38.6)
        eventually(feeds.rows, lambda rows: "p1" in rows.decoded())
        process.kill()
    send_strange()
    with worker(settings, tmp_path) as process:
        feeds.vitals(2, systolic_mmhg=84)
        eventually(feeds.alerts, lambda alerts: "escalation" in kinds(alerts))
        rows = eventually(feeds.rows, lambda rows: rows.decoded()["p1"].state.course.held.grade == 2)
        assert process.poll() is None
    assert rows.foreign == 2 * len(strange)
    assert "not a record of ours, ignored" in (tmp_path / "worker.log").read_text()


def test_a_feed_may_compress_its_messages_in_any_way_that_kafka_knows(kafka_settings: Fresh, tmp_path: Path) -> None:
    settings = kafka_settings()
    feeds = Feeds(settings)
    codecs = ("none", "gzip", "snappy", "lz4", "zstd")
    for codec in codecs:
        packing = Feeds(settings, **{"compression.type": codec})
        # What would not become smaller is sent as it is.
        packing.vitals(1, codec, temperature_celsius=38.6, comment="smaller " * 100)
    with worker(settings, tmp_path) as process:
        eventually(feeds.alerts, lambda alerts: {alert["patient_id"] for alert in alerts} == set(codecs))
        assert process.poll() is None


def test_new_partitions_of_a_feed_are_read_within_seconds(kafka_settings: Fresh, tmp_path: Path) -> None:
    settings = kafka_settings()
    feeds = Feeds(settings)
    feed = settings.topic(topics.VITALS)
    with Supervised("worker", tmp_path, settings):
        feeds.vitals(1, temperature_celsius=38.6)
        eventually(feeds.alerts, lambda alerts: "onset" in kinds(alerts))
        admin = KafkaAdminClient(**settings.kafka_python())
        admin.create_partitions({feed: NewPartitions(total_count=settings.partitions + 2)})
        admin.close()
        added_at = time.monotonic()
        signs = {"systolic_mmhg": 84, "source": "charted", "patient_id": "p1", "event_id": "new partition"}
        value = json.dumps(signs | {"effective_at": (BEGAN + timedelta(minutes=2)).isoformat()})
        eventually(lambda: is_sent(settings, feed, value, settings.partitions + 1), bool)
        eventually(feeds.alerts, lambda alerts: "escalation" in kinds(alerts))
        assert time.monotonic() - added_at < SECONDS_TO_NEW_PARTITIONS


def is_sent(settings: Settings, topic: str, value: str, partition: int) -> bool:
    """Whether the brokers accepted a message for a partition. A producer that knows the topic asks seldom for more."""
    errors: list[object] = []
    producer = Producer(settings.librdkafka())
    try:
        producer.produce(topic, value, b"p1", partition, lambda error, _: errors.append(error))
    except KafkaException:
        return False
    return producer.flush(10) == 0 and errors == [None]


def test_time_alone_raises_an_alert(kafka_settings: Fresh, tmp_path: Path) -> None:
    settings = kafka_settings()
    feeds = Feeds(settings)
    with worker(settings, tmp_path):
        feeds.send(topics.VITALS, 1, temperature_celsius=38.6, source="monitor")
        alerts = eventually(feeds.alerts, lambda alerts: "signal_lost" in kinds(alerts))
    (lost,) = [alert for alert in alerts if alert["kind"] == "signal_lost"]
    assert lost["effective_at"] == (BEGAN + timedelta(minutes=16)).isoformat().replace("+00:00", "Z")


def test_a_paused_worker_ends_itself_and_the_other_owns_its_patients(kafka_settings: Fresh, tmp_path: Path) -> None:
    settings = kafka_settings()
    feeds = Feeds(settings)
    with worker(settings, tmp_path / "one") as paused:
        feeds.vitals(1, temperature_celsius=38.6)
        eventually(feeds.alerts, lambda alerts: "onset" in kinds(alerts))
        with worker(settings, tmp_path / "two"):
            paused.send_signal(signal.SIGSTOP)
            feeds.vitals(2, systolic_mmhg=84)
            eventually(feeds.alerts, lambda alerts: "escalation" in kinds(alerts))
            paused.send_signal(signal.SIGCONT)
            assert paused.wait(LEAVE_SECONDS) == FENCED


def test_health_and_metrics_and_nothing_else_is_served(kafka_settings: Fresh, tmp_path: Path) -> None:
    settings = kafka_settings()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

    def asked(path: str) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError:
            return 0, ""

    feeds = Feeds(settings)
    with worker(settings, tmp_path, CRS_METRICS_PORT=str(port)):
        eventually(lambda: asked("/readyz"), lambda answer: answer[0] == 200)
        feeds.vitals(1, "Miss-Marple", temperature_celsius=38.6)
        feeds.producer.produce(settings.topic(topics.VITALS), b"{", key="Miss-Marple")
        feeds.producer.flush(60)
        _, page = eventually(lambda: asked("/metrics"), lambda answer: 'crs_alerts_total{kind="onset"' in answer[1])
        assert asked("/healthz") == (200, "ok\n")
        assert asked("/table/patients/Miss-Marple/")[0] == 404
        assert "Marple" not in page
        _, page = eventually(lambda: asked("/metrics"), lambda answer: 'reason="not_json"' in answer[1])
        assert 'crs_patients{grade="1",unit="unknown"} 1.0' in page
        assert refused(settings, tmp_path / "two", CRS_METRICS_PORT=str(port)) == (
            2,
            f"crs-monitor: port {port} on 127.0.0.1: Address already in use; choose another with --metrics-port\n",
        )


def test_a_worker_that_cannot_start_prints_one_line_that_says_what_to_do(kafka_settings: Fresh, tmp_path: Path) -> None:
    missing = kafka_settings(topics=False)
    code, error = refused(missing, tmp_path)
    assert (code, error.count("\n")) == (2, 1)
    assert f"topic {missing.topic_prefix}vitals is missing; `crs-monitor topics` creates" in error
    there = kafka_settings()
    code, error = refused(there, tmp_path, CRS_PARTITIONS="3")
    assert (code, error.count("\n")) == (2, 1)
    assert "has 4 partitions, the settings say 3: set CRS_PARTITIONS" in error
    code, error = refused(there, tmp_path, CRS_REPLICATION_FACTOR="3")
    assert "has 1 copies, the settings ask for 3" in error
    code, error = refused(there, tmp_path, KAFKA_BOOTSTRAP_SERVERS="127.0.0.1:1")
    assert (code, error) == (
        2,
        "crs-monitor: 127.0.0.1:1: no broker answers; is Kafka running, and is KAFKA_BOOTSTRAP_SERVERS right?\n",
    )
    assert refused(there, tmp_path, CRS_PROFILE="homemade")[1] == (
        "crs-monitor: no profile 'homemade'; there are: astct-2019, house\n"
    )
