"""From Kafka to the database: nothing is lost and nothing doubled, however often the sink is killed."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest
from confluent_kafka import Producer
from sqlalchemy import func, make_url, select
from sqlalchemy.exc import OperationalError

from agents.brokers.embedded import EmbeddedKafka
from agents.history import database
from agents.history.store import Store
from agents.history.tables import POSITIONS
from agents.platform import child_processes
from agents.platform.settings import Settings
from schemas.topics import ALERTS, PATIENT_STATE, TopicSpec
from tests.history.database_contents import all_rows, write
from tests.history.server import Server
from tests.history.topic_messages import Published, published, ward_events

WARD = published(ward_events(seed=23, count=1500))
KILLS = 5
# Small batches, so that a kill interrupts the work.
IN_SMALL_STEPS = "from agents.history import sink; sink.BATCH = 25; from agents.cli.main import main; main()"
NOISE_EVERY = 50
NOISY = -(-len(WARD) // NOISE_EVERY)
Headers = list[tuple[str, str | bytes | None]]
NOISE: list[tuple[TopicSpec, bytes | None, bytes | None, Headers]] = [
    (ALERTS, None, b'{"heartbeat": 0, "at": "2026-05-01T00:00:00Z"}', [("kind", b"heartbeat")]),
    (ALERTS, b"p", b"not json", []),
    (PATIENT_STATE, b"p", None, []),
]


@pytest.fixture(scope="module")
def settings() -> Iterator[Settings]:
    """A broker with the messages of a ward, and messages to skip between them."""
    with EmbeddedKafka(partitions=2, topic_prefix="crs.") as broker:
        settings = broker.settings()
        publish(settings, WARD)
        yield settings


def publish(settings: Settings, messages: Sequence[Published]) -> None:
    producer = Producer(settings.librdkafka())
    for number, message in enumerate(messages):
        topic = settings.topic(PATIENT_STATE if message.kind == "state" else ALERTS)
        headers: Headers = [(name, content) for name, content in message.headers.items()]
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
    command = [sys.executable, "-c", IN_SMALL_STEPS, "history", "--bootstrap-servers", settings.bootstrap_servers]
    command += ["--database-url", url, "--migrate", "--data-dir", str(group), *more]
    return child_processes.start(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def member(settings: Settings, url: str, folder: Path) -> subprocess.Popen[str]:
    """A member of the consumer group that runs until it is stopped."""
    return sink(settings, url, folder, "--topic-prefix", settings.topic_prefix)


def finish(settings: Settings, url: str, group: Path, *more: str) -> str:
    process = sink(settings, url, group, "--until-end", *more)
    output = process.communicate(timeout=120)[0]
    assert process.returncode == 0, output
    return str(output)


def wanted(tmp_path: Path, messages: Sequence[Published] = WARD) -> dict[str, list[object]]:
    """What the history must hold: written directly, once, in order."""
    engine = database.connect(make_url(f"sqlite:///{tmp_path / 'wanted.sqlite'}"))
    database.migrate(engine)
    write(Store(engine), messages, 100_000)
    return {name: found for name, found in all_rows(engine).items() if name not in {"origins", "positions"}}


def held(url: str) -> dict[str, list[object]]:
    engine = database.connect(database.url_of(Settings(database_url=url)))
    found = all_rows(engine)
    engine.dispose()
    return {name: rows for name, rows in found.items() if name not in {"origins", "positions"}}


def forget_positions(url: str) -> None:
    """Everything will be read again, over the existing rows."""
    engine = database.connect(database.url_of(Settings(database_url=url)))
    database.migrate(engine)
    with engine.begin() as connection:
        connection.execute(POSITIONS.delete())
    engine.dispose()


def test_killed_again_and_again_it_holds_everything_once(settings: Settings, url: str, tmp_path: Path) -> None:
    forget_positions(url)
    for kill in range(KILLS):
        if kill == KILLS // 2:
            forget_positions(url)  # From here on everything is read again, over the existing rows.
        before = read_so_far(url)
        process = sink(settings, url, tmp_path, "--until-end")
        wait_until(partial(has_read_more, url, before), "nothing more was read")
        process.kill()
        process.communicate(timeout=10)
        assert read_so_far(url) < len(WARD), "the kill came too late to mean anything"
    output = finish(settings, url, tmp_path)
    assert held(url) == wanted(tmp_path), output


def has_read_more(url: str, before: int) -> bool:
    """Whether the database accounts for more messages than before."""
    return read_so_far(url) > before


def read_so_far(url: str) -> int:
    """How many messages the database accounts for."""
    engine = database.connect(database.url_of(Settings(database_url=url)))
    with engine.connect() as connection:
        found = connection.execute(select(func.sum(POSITIONS.c.next_offset))).scalar_one()
    engine.dispose()
    return int(found or 0)


def wait_until(true: Callable[[], bool], otherwise: str) -> None:
    deadline = time.monotonic() + 90
    while not true():
        assert time.monotonic() < deadline, otherwise
        time.sleep(0.01)


def test_a_database_restored_from_a_backup_continues_where_the_backup_ends(settings: Settings, tmp_path: Path) -> None:
    """Kafka's committed offsets are ahead of the restored database."""
    live, backup = tmp_path / "live.sqlite", tmp_path / "backup.sqlite"
    process = sink(settings, f"sqlite:///{live}", tmp_path, "--until-end")
    wait_until(lambda: live.is_file() and holds_something(f"sqlite:///{live}"), "nothing was written")
    with closing(sqlite3.connect(live)) as source, closing(sqlite3.connect(backup)) as target:
        source.backup(target)
    process.communicate(timeout=120)
    assert held(f"sqlite:///{backup}") != held(f"sqlite:///{live}") == wanted(tmp_path)
    finish(settings, f"sqlite:///{backup}", tmp_path)
    assert held(f"sqlite:///{backup}") == wanted(tmp_path)


def test_begin_anew_deletes_and_reads_again(settings: Settings, url: str, tmp_path: Path) -> None:
    output = finish(settings, url, tmp_path, "--begin-anew")
    once = held(url)
    again = finish(settings, url, tmp_path, "--begin-anew")
    assert held(url) == once == wanted(tmp_path)
    for words in (output, again):
        assert f'"alerts": {sum(m.kind == "alert" for m in WARD)}' in words
        for reason in ("heartbeat", "tombstone", "unreadable"):
            assert f'"{reason}": {NOISY}' in words


def test_it_stops_on_sigterm_and_logs_its_counts(settings: Settings, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'history.sqlite'}"
    process = sink(settings, url, tmp_path)
    wait_until(lambda: (tmp_path / "history.sqlite").is_file() and holds_something(url), "nothing was written")
    process.terminate()
    output = process.communicate(timeout=30)[0]
    assert process.returncode == 0, output
    assert '"event": "stopped"' in output


def holds_something(url: str) -> bool:
    try:
        return bool(held(url)["alerts"])
    except OperationalError:  # The tables are being made.
        return False
