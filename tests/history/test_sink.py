"""From Kafka to the database: nothing is lost and nothing doubled, however often the sink is killed."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from sqlalchemy import make_url
from sqlalchemy.exc import OperationalError

from agents import children
from agents.embedded import Embedded
from agents.history import database
from agents.history.store import Store
from agents.settings import Settings
from schemas.topics import ALERTS, PATIENT_STATE
from tests.history.looking import everything, write
from tests.history.server import Server
from tests.history.stream import published, ward_events

WARD = published(ward_events(seed=23, count=1500))
KILLS = 5
NOISE_EVERY = 50
NOISY = -(-len(WARD) // NOISE_EVERY)
NOISE = [
    (ALERTS, None, b'{"heartbeat": 0, "at": "2026-05-01T00:00:00Z"}', [("kind", b"heartbeat")]),
    (ALERTS, b"p", b"not json", []),
    (PATIENT_STATE, b"p", None, []),
]


@pytest.fixture(scope="module")
def settings() -> Iterator[Settings]:
    """A broker that holds what a ward made the workers say, with noise in between."""
    with Embedded(partitions=2, topic_prefix="crs.") as broker:
        settings = broker.settings()
        publish(settings)
        yield settings


def publish(settings: Settings) -> None:
    producer = Producer(settings.librdkafka())
    for number, message in enumerate(WARD):
        topic = settings.topic(PATIENT_STATE if message.kind == "state" else ALERTS)
        headers = [(name, content) for name, content in message.headers.items()]
        producer.produce(topic, message.value, message.patient_id.encode(), headers=headers)
        if number % NOISE_EVERY == 0:
            for spec, key, value, noise in NOISE:
                producer.produce(settings.topic(spec), value, key, headers=noise)
    assert producer.flush(30) == 0


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'history.sqlite'}"
    server: Server = request.getfixturevalue("server")
    return server.new_database(f"sink_{time.monotonic_ns()}")


def sink(settings: Settings, url: str, group: Path, *more: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "agents.cli", "history", "--bootstrap-servers", settings.bootstrap_servers]
    command += ["--database-url", url, "--migrate", "--data-dir", str(group), *more]
    return children.start(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def finish(settings: Settings, url: str, group: Path, *more: str) -> str:
    process = sink(settings, url, group, "--until-end", *more)
    said = process.communicate(timeout=120)[0]
    assert process.returncode == 0, said
    return str(said)


def wanted(tmp_path: Path) -> dict[str, list[object]]:
    """What the history must hold: written directly, once, in order."""
    engine = database.connect(make_url(f"sqlite:///{tmp_path / 'wanted.sqlite'}"))
    database.migrate(engine)
    write(Store(engine), WARD, 100_000)
    return {name: found for name, found in everything(engine).items() if name != "origins"}


def held(url: str) -> dict[str, list[object]]:
    engine = database.connect(database.url_of(Settings(database_url=url)))
    found = everything(engine)
    engine.dispose()
    return {name: rows for name, rows in found.items() if name != "origins"}


def rewind(settings: Settings) -> None:
    """The group's offsets are lost, as after a crash before the first commit; the database knows more than Kafka."""
    connection = settings.librdkafka()
    connection.pop("partitioner")
    consumer = Consumer(connection | {"group.id": f"{settings.topic_prefix}history"})
    topics = [settings.topic(spec) for spec in (PATIENT_STATE, ALERTS)]
    parts = [TopicPartition(topic, number, 0) for topic in topics for number in range(settings.partitions)]
    consumer.commit(offsets=parts, asynchronous=False)
    consumer.close()


def test_killed_again_and_again_it_holds_everything_once(settings: Settings, url: str, tmp_path: Path) -> None:
    partly = set()
    for kill in range(KILLS):
        rewind(settings)
        process = sink(settings, url, tmp_path, "--until-end")
        assert process.stdout is not None
        assert "started" in process.stdout.readline()
        time.sleep(0.1 + 0.2 * kill)
        process.kill()
        process.communicate(timeout=10)
        partly.add(len(held(url)["alerts"]))
    rewind(settings)
    said = finish(settings, url, tmp_path)
    assert held(url) == wanted(tmp_path), said
    assert len(partly) > 1, f"every kill came at the same point: {partly}"


def test_beginning_anew_forgets_and_reads_again(settings: Settings, url: str, tmp_path: Path) -> None:
    said = finish(settings, url, tmp_path, "--begin-anew")
    once = held(url)
    again = finish(settings, url, tmp_path, "--begin-anew")
    assert held(url) == once == wanted(tmp_path)
    for words in (said, again):
        assert f'"alerts": {sum(m.kind == "alert" for m in WARD)}' in words
        for reason in ("heartbeat", "tombstone", "unreadable"):
            assert f'"{reason}": {NOISY}' in words


def test_it_stops_when_asked_and_says_what_it_did(settings: Settings, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'history.sqlite'}"
    rewind(settings)
    process = sink(settings, url, tmp_path)
    deadline = time.monotonic() + 60
    while not (tmp_path / "history.sqlite").is_file() or not holds_something(url):
        assert time.monotonic() < deadline, "nothing was written"
        time.sleep(0.2)
    process.terminate()
    said = process.communicate(timeout=30)[0]
    assert process.returncode == 0, said
    assert '"event": "stopped"' in said


def holds_something(url: str) -> bool:
    try:
        return bool(held(url)["alerts"])
    except OperationalError:  # The tables are being made.
        return False
