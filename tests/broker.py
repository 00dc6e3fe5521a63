"""The Kafka that tests use: a given one, one in Docker, or one on a local JVM. The summary of the run names it.

`kafka` is one broker for the whole run, also of several pytest-xdist workers; `kafka_cluster` is three brokers that
tests may kill, and all tests with it run in one worker; `kafka_settings` gives each test topics of its own and deletes
them afterwards.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import cache, partial
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

import pytest
from xdist.scheduler import LoadFileScheduling

from agents.brokers.local_kafka.cluster import Cluster, answering
from agents.brokers.local_kafka.identity import free_ports
from agents.brokers.local_kafka.server_properties import HOST, Ports, server_properties
from agents.brokers.preflight import describe_topics
from agents.brokers.topic_admin import create, delete
from agents.brokers.topic_specs import wanted_topics
from agents.platform.errors import UserError
from agents.platform.kafka_connection import BOOTSTRAP
from agents.platform.settings import Settings, load
from tests.broker_owner import BrokerOwner, ask
from tests.waiting import wait_until

IMAGE = "apache/kafka:4.3.1"
START_SECONDS = 90.0
ADDRESS = "/tmp/address"  # inside the container
START_WHEN_ADDRESSED = f"until [ -f {ADDRESS} ]; do sleep 0.1; done; . {ADDRESS}; exec /etc/kafka/docker/run"
CONTROLLER_PORT = 9093
PARTITIONS = 4
KAFKA_CLUSTER = "kafka_cluster"  # the fixture's name
DESCRIPTIONS = pytest.StashKey[list[str]]()
OWNER = pytest.StashKey[BrokerOwner]()


class Broker(NamedTuple):
    """Where it is, and which one it is and why, for the summary."""

    bootstrap_servers: str
    description: str


Fresh = Callable[..., Settings]


def pytest_configure(config: pytest.Config) -> None:
    """Nothing has been started yet."""
    config.stash[DESCRIPTIONS] = []


def pytest_configure_node(node: Any) -> None:
    """Gives a pytest-xdist worker the address at which it asks for the broker."""
    stash = node.config.stash
    if OWNER not in stash:
        stash[OWNER] = BrokerOwner(chosen)
    owner = stash[OWNER]
    node.workerinput["broker_owner"] = (owner.port, owner.key)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Ends the broker that workers shared."""
    if OWNER in config.stash:
        config.stash[OWNER].close()


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Sends the broker's description from a pytest-xdist worker to the process that prints the summary."""
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["kafka"] = session.config.stash[DESCRIPTIONS]


def pytest_testnodedown(node: Any) -> None:
    """Takes over the description that a pytest-xdist worker sent; a crashed worker sent none."""
    node.config.stash[DESCRIPTIONS] += getattr(node, "workeroutput", {}).get("kafka", [])


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Prints which Kafka the tests used."""
    descriptions: list[str] = config.stash[DESCRIPTIONS]
    for description in dict.fromkeys(descriptions):
        terminalreporter.line(f"Kafka: {description}")


@pytest.fixture(scope="session")
def kafka(pytestconfig: pytest.Config) -> Iterator[Broker]:
    """One broker for all tests. Where none can be started the test fails; it is never skipped."""
    with ExitStack() as stack:
        try:
            broker = stack.enter_context(shared_or_own(pytestconfig))
        except UserError as error:
            pytest.fail(error.message)
        pytestconfig.stash[DESCRIPTIONS].append(broker.description)
        yield broker


@contextmanager
def shared_or_own(config: pytest.Config) -> Iterator[Broker]:
    """The broker that the pytest-xdist workers share; in a run of one process its own. Raises UserError."""
    owner = getattr(config, "workerinput", {}).get("broker_owner")
    if owner is None:
        with chosen() as broker:
            yield broker
        return
    answer = ask(*owner)
    if isinstance(answer, str):
        raise UserError(answer)
    yield Broker(*answer)


@pytest.fixture(scope="session")
def three_brokers(pytestconfig: pytest.Config) -> Iterator[Cluster]:
    """Three brokers on local JVMs: never a given cluster, because tests kill these."""
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
def kafka_cluster(three_brokers: Cluster) -> Cluster:
    """The three brokers, all of them running: a test before may have failed while one was killed or paused."""
    for node in three_brokers.nodes:
        if three_brokers.alive(node):
            three_brokers.resume(node)
        else:
            three_brokers.start(node)
    return three_brokers


class OneClusterScheduling(LoadFileScheduling):
    """Each file runs in one pytest-xdist worker; all files that want the three brokers run in the same one."""

    def _split_scope(self, nodeid: str) -> str:
        path = nodeid.split("::", 1)[0]
        return KAFKA_CLUSTER if wants_cluster(self.config.rootpath / path) else path


@cache
def wants_cluster(path: Path) -> bool:
    """Whether a file has a test on the three brokers."""
    return KAFKA_CLUSTER in path.read_text()


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadFileScheduling | None:
    """Used with `--dist loadfile`."""
    return OneClusterScheduling(config, log) if config.getoption("dist") == "loadfile" else None


@pytest.fixture
def kafka_settings(kafka: Broker) -> Iterator[Fresh]:
    """`kafka_settings(topics=True, **overrides)`: settings with an unused topic prefix, topics created."""
    with ExitStack() as stack:
        yield lambda **overrides: stack.enter_context(fresh(kafka.bootstrap_servers, **overrides))


@contextmanager
def fresh(bootstrap_servers: str, *, topics: bool = True, **overrides: object) -> Iterator[Settings]:
    """Settings for one test; its topics are deleted at the end."""
    given: dict[str, Any] = {"topic_prefix": f"test-{uuid4().hex[:10]}.", "partitions": PARTITIONS} | overrides
    settings = load(bootstrap_servers=bootstrap_servers, **given)
    wanted = wanted_topics(settings)
    if topics:
        create(settings, wanted)
        wait_until_known_everywhere(settings, {topic.name for topic in wanted})
    try:
        yield settings
    finally:
        with suppress(UserError):
            delete(settings, [topic.name for topic in wanted])


def wait_until_known_everywhere(settings: Settings, names: set[str]) -> None:
    """Waits until each broker knows these topics: a broker that does not know it yet reports it missing."""
    for server in settings.bootstrap_servers.split(","):
        one = settings.model_copy(update={"bootstrap_servers": server})
        wait_until(partial(knows, one, names), f"the topics at {server}")


def knows(settings: Settings, names: set[str]) -> bool:
    """Whether the brokers list all these topics."""
    return describe_topics(settings).keys() >= names


@contextmanager
def chosen() -> Iterator[Broker]:
    """The first of these that can be used: a given one, Docker, a local JVM."""
    given = os.environ.get(BOOTSTRAP)
    if given:
        yield Broker(given, f"{given}, as {BOOTSTRAP} names it")
        return
    with ExitStack() as stack:
        why = docker_missing()
        if why is None:
            try:
                broker = stack.enter_context(in_docker())
            except Exception as error:  # Whatever Docker lacks, a JVM will do.
                why = f"Docker runs, but not {IMAGE}: {' '.join(str(error).split())[:200]}"
        if why is not None:
            cluster = stack.enter_context(Cluster())
            broker = Broker(cluster.bootstrap_servers, f"{cluster.bootstrap_servers} on a local JVM ({why})")
        yield broker


@contextmanager
def in_docker() -> Iterator[Broker]:
    """A container of our own; testcontainers removes it even when this process is killed."""
    from testcontainers.core.container import DockerContainer  # Its import asks the Docker daemon.
    from testcontainers.core.utils import inside_container

    (port,) = free_ports(1)
    container = DockerContainer(IMAGE).with_command(["sh", "-c", START_WHEN_ADDRESSED])
    # From inside a container the broker is reached over the bridge; else over loopback, where nobody else reaches it.
    published: Any = port if inside_container() else (HOST, port)
    container.ports[f"{port}/tcp"] = published
    for name, value in environment(port).items():
        container.with_env(name, value)
    with container:
        # Only a container that has started can say where it is reached, and a broker must say the same to its clients.
        servers = f"{container.get_container_host_ip()}:{port}"
        address = f"export KAFKA_ADVERTISED_LISTENERS=PLAINTEXT://{servers}"
        done = container.exec(["sh", "-c", f"echo '{address}' >{ADDRESS}.new && mv {ADDRESS}.new {ADDRESS}"])
        if done.exit_code:
            raise RuntimeError(f"its address could not be written: {done.output!r}")
        wait_until(lambda: answering(servers), f"an answer of {IMAGE}", START_SECONDS)
        yield Broker(servers, f"{servers} in Docker ({IMAGE})")


def environment(port: int) -> dict[str, str]:
    """The image's settings: those of a local broker, but for the addresses inside a container."""
    text = server_properties(1, [Ports(port, CONTROLLER_PORT)], Path())
    broker = dict(line.split("=", 1) for line in text.splitlines())
    del broker["log.dirs"]
    broker["listeners"] = f"PLAINTEXT://0.0.0.0:{port},CONTROLLER://{HOST}:{CONTROLLER_PORT}"
    del broker["advertised.listeners"]
    return {f"KAFKA_{name.replace('.', '_').upper()}": value for name, value in broker.items()}


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
