"""The Kafka that tests talk to: a given one, one in Docker, or one on a JVM. The summary says which.

`kafka` is one for the whole run; `kafka_cluster` is three brokers that may be hurt; `kafka_settings` gives each test
topics of its own and takes them away afterwards.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
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

IMAGE = "apache/kafka:4.3.1"
START_SECONDS = 90.0
CONTROLLER_PORT = 9093
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


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A process that runs a part of the tests tells the one that sums up."""
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["kafka"] = session.config.stash[SAID]


def pytest_testnodedown(node: Any) -> None:
    """What such a process has told; nothing when it died."""
    node.config.stash[SAID] += getattr(node, "workeroutput", {}).get("kafka", [])


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Which Kafka the tests have talked to."""
    for says in dict.fromkeys(config.stash[SAID]):
        terminalreporter.line(f"Kafka: {says}")


@pytest.fixture(scope="session")
def kafka(pytestconfig: pytest.Config) -> Iterator[Broker]:
    """One broker for all tests. Where none is possible the test fails: it is never skipped."""
    with ExitStack() as stack:
        try:
            broker = stack.enter_context(chosen())
        except UserError as error:
            pytest.fail(error.message)
        pytestconfig.stash[SAID].append(broker.says)
        yield broker


@pytest.fixture(scope="session")
def kafka_cluster(pytestconfig: pytest.Config) -> Iterator[Cluster]:
    """Three brokers on local JVMs: always our own, as tests kill them."""
    with ExitStack() as stack:
        try:
            cluster = stack.enter_context(Cluster(nodes=3))
        except UserError as error:
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
        with suppress(UserError):
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
    from testcontainers.core.container import DockerContainer  # only where Docker runs: it asks the daemon at once

    (port,) = free_ports(1)
    container = DockerContainer(IMAGE).with_bind_ports(port, port)
    servers = f"{container.get_container_host_ip()}:{port}"
    for name, value in environment(servers, port).items():
        container.with_env(name, value)
    with container:
        until = time.monotonic() + START_SECONDS
        while not answering(servers):
            if time.monotonic() > until:
                raise RuntimeError(f"no answer within {START_SECONDS:.0f} s")
            time.sleep(0.2)
        yield Broker(servers, f"{servers} in Docker ({IMAGE})")


def environment(advertised: str, port: int) -> dict[str, str]:
    """What the image is told: as our own launcher tells a broker, but for the addresses inside a container."""
    told = dict(line.split("=", 1) for line in properties(1, [Ports(port, CONTROLLER_PORT)], Path()).splitlines())
    del told["log.dirs"]
    told["listeners"] = f"PLAINTEXT://0.0.0.0:{port},CONTROLLER://{HOST}:{CONTROLLER_PORT}"
    told["advertised.listeners"] = f"PLAINTEXT://{advertised}"
    return {f"KAFKA_{name.replace('.', '_').upper()}": value for name, value in told.items()}


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
