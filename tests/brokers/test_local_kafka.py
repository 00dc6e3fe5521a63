"""A Kafka on this machine starts, survives kills and pauses, keeps its data, stops, and names what is missing."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from confluent_kafka import Consumer, Producer, TopicPartition

from agents.brokers.local_kafka.cluster import Cluster, answering
from agents.brokers.local_kafka.data_directory import is_locked
from agents.brokers.local_kafka.libraries import find_java, find_libraries
from agents.brokers.local_kafka.server_properties import HOST, Login
from agents.cli.simulate import command as simulate
from agents.cli.topics import command as topics
from agents.platform.errors import UserError
from agents.platform.settings import Settings
from tests.broker import IMAGE, environment, fresh
from tests.waiting import wait_until

pytestmark = pytest.mark.kafka
LOGIN = Login("crs", "the-right-one")


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """One broker, with a further listener that asks for a password."""
    with Cluster(data=tmp_path_factory.mktemp("kafka"), login=LOGIN) as cluster:
        yield cluster


def write(settings: Settings, value: str) -> None:
    """Writes one record and waits until it is confirmed."""
    refused: list[object] = []
    producer = Producer(settings.librdkafka() | {"acks": "all", "delivery.timeout.ms": 30_000})
    producer.produce(
        f"{settings.topic_prefix}vitals", value, partition=0, on_delivery=lambda error, _: refused.append(error)
    )
    producer.flush(30)
    assert refused == [None]


def read_first(settings: Settings, count: int) -> list[str]:
    """The values of the first records of a partition."""
    consumer = Consumer(settings.librdkafka() | {"group.id": "none", "enable.auto.commit": False})
    consumer.assign([TopicPartition(f"{settings.topic_prefix}vitals", 0, 0)])
    found: list[str] = []
    while len(found) < count:
        record = consumer.poll(60)
        assert record is not None, f"only {found} within 60 s"
        value = record.value()
        if record.error() is None and value is not None:
            found.append(value.decode())
    consumer.close()
    return found


def test_what_was_confirmed_survives_a_kill_and_a_pause(broker: Cluster) -> None:
    with fresh(broker.bootstrap_servers) as settings:
        write(settings, "before the kill")
        broker.kill(1)
        assert not broker.alive(1)
        assert answering(broker.bootstrap_servers) == set()
        broker.start(1)
        write(settings, "before the pause")
        broker.pause(1)
        assert answering(broker.bootstrap_servers) == set()
        broker.resume(1)
        write(settings, "after the pause")
        assert read_first(settings, 3) == ["before the kill", "before the pause", "after the pause"]


@pytest.mark.parametrize("command", [topics, simulate], ids=["topics", "simulate"])
def test_wrong_credentials_are_one_line_and_the_right_ones_work(
    broker: Cluster, command: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (
        ("SECURITY_PROTOCOL", "SASL_PLAINTEXT"),
        ("SASL_MECHANISM", "PLAIN"),
        ("SASL_USERNAME", LOGIN.username),
        ("SASL_PASSWORD", "not-the-right-one"),
    ):
        monkeypatch.setenv(f"CRS_{name}", value)
    servers = ["--bootstrap-servers", broker.login_servers]
    result = CliRunner().invoke(command, servers)  # type: ignore[arg-type]
    assert result.exit_code == 2
    assert "the brokers refuse the credentials" in result.output
    assert "not-the-right-one" not in result.output
    monkeypatch.setenv("CRS_SASL_PASSWORD", LOGIN.password)
    assert CliRunner().invoke(topics, servers).exit_code == 0
    assert CliRunner().invoke(simulate, [*servers, "--rate", "50", "--duration", "0.2"]).exit_code == 0


def test_tls_to_a_broker_without_tls_is_named(broker: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRS_SECURITY_PROTOCOL", "SSL")
    result = CliRunner().invoke(topics, ["--bootstrap-servers", broker.bootstrap_servers])
    assert result.exit_code == 2
    assert "no TLS connection; check security_protocol" in result.output


def kafka_command(data: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """`crs-monitor kafka`, as typed."""
    command = [sys.executable, "-m", "agents.cli.main", "kafka", *arguments, "--data", str(data)]
    return subprocess.run(command, capture_output=True, text=True, timeout=150, check=False)


def test_up_status_and_down(tmp_path: Path) -> None:
    port = free_port()
    assert kafka_command(tmp_path, "status").returncode == 1
    up = kafka_command(tmp_path, "up", "--detach", "--port", str(port))
    try:
        assert up.stdout == f"KAFKA_BOOTSTRAP_SERVERS={HOST}:{port}\n", up.stderr
        assert kafka_command(tmp_path, "status").returncode == 0
        again = kafka_command(tmp_path, "up")
        assert again.returncode == 2
        assert "in use by a running cluster" in again.stderr
    finally:
        assert kafka_command(tmp_path, "down").returncode == 0
    assert kafka_command(tmp_path, "status").returncode == 1
    assert answering(f"{HOST}:{port}") == set()


def test_ctrl_c_while_it_starts_stops_it(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "agents.cli.main", "kafka", "up", "--data", str(tmp_path)]
    up = subprocess.Popen(
        [*command, "--port", str(free_port())], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    wait_until((tmp_path / "node-1" / "server.properties").is_file, "the settings of the first node")
    up.send_signal(signal.SIGINT)
    output, errors = up.communicate(timeout=120)
    assert (up.returncode, output, errors) == (0, "", "stopping\n")
    assert not is_locked(tmp_path)


def free_port() -> int:
    """A port that no process listens on."""
    with socket.create_server((HOST, 0)) as server:
        return int(server.getsockname()[1])


def test_local_brokers_containers_and_tests_run_the_same_kafka() -> None:
    root = Path(__file__).parents[2]
    (version,) = re.findall(r"<kafka.version>(.+)</kafka.version>", (root / "deploy/kafka/pom.xml").read_text())
    assert f"apache/kafka:{version}" == IMAGE
    assert re.findall(r"image: (\S*kafka\S*)", (root / "docker-compose.yml").read_text()) == [IMAGE]


def test_a_kafka_in_docker_gets_the_settings_of_a_local_one() -> None:
    settings = environment(25000)
    assert "KAFKA_ADVERTISED_LISTENERS" not in settings, "it is known when the container has started"
    assert settings["KAFKA_LISTENERS"] == "PLAINTEXT://0.0.0.0:25000,CONTROLLER://127.0.0.1:9093"
    assert settings["KAFKA_CONTROLLER_QUORUM_VOTERS"] == "1@127.0.0.1:9093"
    assert settings["KAFKA_AUTO_CREATE_TOPICS_ENABLE"] == "false"
    assert settings["KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR"] == settings["KAFKA_MIN_INSYNC_REPLICAS"] == "1"


def test_a_port_in_use_is_named(tmp_path: Path) -> None:
    with socket.create_server((HOST, 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(UserError, match=f"port {port} is in use"), Cluster(data=tmp_path, port=port):
            pass


def test_another_number_of_nodes_than_last_time_is_refused(tmp_path: Path) -> None:
    (tmp_path / "cluster.json").write_text(json.dumps({"identity": "x", "ports": [[1, 2, 0]]}))
    with pytest.raises(UserError, match="holds a cluster of 1 nodes, not 3"):
        Cluster(nodes=3, data=tmp_path)


def write_program(directory: Path, name: str, script: str) -> None:
    """Writes a shell script that can be called by this name."""
    path = directory / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def test_without_java_one_line_says_what_to_install(tmp_path: Path) -> None:
    up = subprocess.run(
        [sys.executable, "-m", "agents.cli.main", "kafka", "up", "--data", str(tmp_path / "data")],
        capture_output=True,
        text=True,
        env=os.environ | {"PATH": str(tmp_path)},
        timeout=60,
        check=False,
    )
    assert up.returncode == 2
    assert up.stderr.count("\n") == 1
    assert "no Java found" in up.stderr
    assert "apt-get install" in up.stderr


@pytest.mark.programs
def test_a_java_that_is_too_old_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_program(tmp_path, "java", "echo 'openjdk version \"11.0.2\" 2019-01-15' >&2")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UserError, match="is Java 11: Kafka needs 17 or newer"):
        find_java()


def test_without_maven_one_line_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pom.xml").write_text("<project/>")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UserError, match="no Maven found"):
        find_libraries(tmp_path)


@pytest.mark.programs
def test_a_registry_that_cannot_be_reached_is_reported_with_mavens_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pom.xml").write_text("<project/>")
    write_program(tmp_path, "mvn", "echo '[ERROR] Could not transfer artifact: unknown host'; exit 1")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UserError, match="could not fetch Kafka's libraries: Could not transfer artifact: unknown host"):
        find_libraries(tmp_path)
    assert not (tmp_path / "libs").exists()


@pytest.mark.programs
def test_libraries_are_fetched_once_and_again_when_the_recipe_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetched = tmp_path / "fetched"
    write_program(tmp_path, "mvn", f"echo once >>{fetched}; mkdir -p {tmp_path}/target/libs")
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    for recipe in ("<project/>", "<project/>", "<project>newer</project>"):
        (tmp_path / "pom.xml").write_text(recipe)
        assert find_libraries(tmp_path) == tmp_path / "libs"
    assert fetched.read_text().count("once") == 2
