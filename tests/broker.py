"""The Kafka of the tests: a given one, one in Docker, or one on a local JVM. The summary of a run says which.

`kafka` is one broker for the whole run; `kafka_cluster` is three brokers that tests may kill; `kafka_settings` gives
each test topics of its own and deletes them afterwards.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

import pytest

from agents.brokers.local_kafka import Cluster
from agents.brokers.local_kafka.cluster import answering
from agents.brokers.local_kafka.planning import free_ports
from agents.brokers.local_kafka.properties import HOST, Ports, properties
from agents.brokers.topic_admin import create, delete
from agents.brokers.topic_specs import wanted_topics
from agents.platform.errors import UserError
from agents.platform.settings import BOOTSTRAP, Settings, load
from tests.waiting import wait_until

IMAGE = "apache/kafka:4.3.1"
START_SECONDS = 90.0
CONTROLLER_PORT = 9093
PARTITIONS = 4
DESCRIPTIONS = pytest.StashKey[list[str]]()


class Broker(NamedTuple):
    """Its address, and a text that says which one it is and why."""

    bootstrap_servers: str
    description: str


Fresh = Callable[..., Settings]


def pytest_configure(config: pytest.Config) -> None:
    """No broker was started yet."""
    config.stash[DESCRIPTIONS] = []


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A worker process of pytest-xdist passes its brokers to the process that writes the summary."""
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["kafka"] = session.config.stash[DESCRIPTIONS]


def pytest_testnodedown(node: Any) -> None:
    """Takes the brokers of such a process; it has none when it crashed."""
    node.config.stash[DESCRIPTIONS] += getattr(node, "workeroutput", {}).get("kafka", [])


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Prints which Kafka the tests have used."""
    for description in dict.fromkeys(config.stash[DESCRIPTIONS]):
        terminalreporter.line(f"Kafka: {description}")


@pytest.fixture(scope="session")
def kafka(pytestconfig: pytest.Config) -> Iterator[Broker]:
    """One broker for all tests. Where none can be started the test fails; it is never skipped."""
    with ExitStack() as stack:
        try:
            broker = stack.enter_context(chosen())
        except UserError as error:
            pytest.fail(error.message)
        pytestconfig.stash[DESCRIPTIONS].append(broker.description)
        yield broker


@pytest.fixture(scope="session")
def kafka_cluster(pytestconfig: pytest.Config) -> Iterator[Cluster]:
    """Three brokers on local JVMs; always started here, because tests kill them."""
    with ExitStack() as stack:
        try:
            cluster = stack.enter_context(Cluster(nodes=3))
        except UserError as error:
            pytest.fail(error.message)
        pytestconfig.stash[DESCRIPTIONS].append(
            f"three brokers on local JVMs ({cluster.bootstrap_servers}), to be killed"
        )
        yield cluster


@pytest.fixture
def kafka_settings(kafka: Broker) -> Iterator[Fresh]:
    """`kafka_settings(topics=True, **overrides)`: settings with an unused topic prefix; the topics are created."""
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
        with suppress(UserError):
            delete(settings, [topic.name for topic in wanted])


@contextmanager
def chosen() -> Iterator[Broker]:
    """The first of these that can be used: a given one, Docker, a local JVM."""
    given = os.environ.get(BOOTSTRAP)
    if given:
        yield Broker(given, f"{given}, given by {BOOTSTRAP}")
        return
    with ExitStack() as stack:
        why = docker_missing()
        if why is None:
            try:
                broker = stack.enter_context(in_docker())
            except Exception as error:  # whatever is wrong with Docker, a JVM will do
                why = f"Docker runs, but not {IMAGE}: {' '.join(str(error).split())[:200]}"
        if why is not None:
            cluster = stack.enter_context(Cluster())
            broker = Broker(cluster.bootstrap_servers, f"{cluster.bootstrap_servers} on a local JVM ({why})")
        yield broker


@contextmanager
def in_docker() -> Iterator[Broker]:
    """A container; testcontainers removes it even when this process is killed."""
    from testcontainers.core.container import DockerContainer  # only where Docker runs: it asks the daemon at once

    (port,) = free_ports(1)
    container = DockerContainer(IMAGE).with_bind_ports(port, port)
    servers = f"{container.get_container_host_ip()}:{port}"
    for name, value in environment(servers, port).items():
        container.with_env(name, value)
    with container:
        wait_until(lambda: answering(servers), f"{servers} answers", START_SECONDS)
        yield Broker(servers, f"{servers} in Docker ({IMAGE})")


def environment(advertised: str, port: int) -> dict[str, str]:
    """The settings of the image: those of our own launcher, except for the addresses inside a container."""
    given = dict(line.split("=", 1) for line in properties(1, [Ports(port, CONTROLLER_PORT)], Path()).splitlines())
    del given["log.dirs"]
    given["listeners"] = f"PLAINTEXT://0.0.0.0:{port},CONTROLLER://{HOST}:{CONTROLLER_PORT}"
    given["advertised.listeners"] = f"PLAINTEXT://{advertised}"
    return {f"KAFKA_{name.replace('.', '_').upper()}": value for name, value in given.items()}


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
