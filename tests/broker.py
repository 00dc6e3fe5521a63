"""The Kafka that tests talk to: a given one, one in Docker, or one on a JVM. The summary says which.

`kafka` is one for the whole run; `kafka_cluster` is three brokers that may be hurt; `kafka_settings` gives each test
topics of its own and takes them away afterwards.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import NamedTuple
from uuid import uuid4

import pytest

from agents.kafka import Cluster
from agents.settings import BOOTSTRAP, Settings, load
from agents.topic_table import wanted_topics
from agents.topics import create, delete
from agents.usage import Unusable

IMAGE = "confluentinc/cp-kafka:8.0.0"
PARTITIONS = 4
SAID = pytest.StashKey[list[str]]()


class Broker(NamedTuple):
    """Where it is, and in words which one and why."""

    bootstrap_servers: str
    says: str


Fresh = Callable[..., Settings]


def pytest_configure(config: pytest.Config) -> None:
    """Nothing has been started yet."""
    config.stash[SAID] = []


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Which Kafka the tests have talked to."""
    for says in config.stash[SAID]:
        terminalreporter.line(f"Kafka: {says}")


@pytest.fixture(scope="session")
def kafka(pytestconfig: pytest.Config) -> Iterator[Broker]:
    """One broker for all tests. Where none is possible the test fails: it is never skipped."""
    with ExitStack() as stack:
        try:
            broker = stack.enter_context(chosen())
        except Unusable as error:
            pytest.fail(error.message)
        pytestconfig.stash[SAID].append(broker.says)
        yield broker


@pytest.fixture(scope="session")
def kafka_cluster(pytestconfig: pytest.Config) -> Iterator[Cluster]:
    """Three brokers on local JVMs: always our own, as tests kill them."""
    with ExitStack() as stack:
        try:
            cluster = stack.enter_context(Cluster(nodes=3))
        except Unusable as error:
            pytest.fail(error.message)
        pytestconfig.stash[SAID].append(f"three brokers on local JVMs ({cluster.bootstrap_servers}), to be killed")
        yield cluster


@pytest.fixture
def kafka_settings(kafka: Broker) -> Iterator[Fresh]:
    """`kafka_settings(topics=True, **overrides)`: settings with a prefix that nobody has used, topics created."""
    with ExitStack() as stack:
        yield lambda **overrides: stack.enter_context(fresh(kafka.bootstrap_servers, **overrides))


@contextmanager
def fresh(bootstrap_servers: str, *, topics: bool = True, **overrides: object) -> Iterator[Settings]:
    """Settings for one test; its topics are deleted at the end."""
    given = {"topic_prefix": f"test-{uuid4().hex[:10]}.", "partitions": PARTITIONS} | overrides
    settings = load(bootstrap_servers=bootstrap_servers, **given)
    wanted = wanted_topics(settings)
    if topics:
        create(settings, wanted)
    try:
        yield settings
    finally:
        with suppress(Unusable):
            delete(settings, [topic.name for topic in wanted])


@contextmanager
def chosen() -> Iterator[Broker]:
    """The first that is possible: a given one, Docker, a local JVM."""
    given = os.environ.get(BOOTSTRAP)
    if given:
        yield Broker(given, f"{given}, as {BOOTSTRAP} says")
        return
    with ExitStack() as stack:
        why = docker_missing()
        if why is None:
            try:
                broker = stack.enter_context(in_docker())
            except Exception as error:  # whatever Docker is short of, a JVM will do
                why = f"Docker runs, but not {IMAGE}: {' '.join(str(error).split())[:200]}"
        if why is not None:
            cluster = stack.enter_context(Cluster())
            broker = Broker(cluster.bootstrap_servers, f"{cluster.bootstrap_servers} on a local JVM ({why})")
        yield broker


@contextmanager
def in_docker() -> Iterator[Broker]:
    """A container of our own; testcontainers takes it away even when we are killed."""
    from testcontainers.kafka import KafkaContainer  # only where Docker is: it looks for a daemon when imported

    with KafkaContainer(IMAGE).with_kraft() as container:
        servers = container.get_bootstrap_server()
        yield Broker(servers, f"{servers} in Docker ({IMAGE})")


def docker_missing() -> str | None:
    """Why Docker cannot be used; None when it can."""
    docker = shutil.which("docker")
    if docker is None:
        return "no Docker here"
    try:
        asked = subprocess.run([docker, "info"], capture_output=True, timeout=5, check=False)
    except (subprocess.TimeoutExpired, OSError):
        return "Docker does not answer"
    return None if asked.returncode == 0 else "Docker does not run"
