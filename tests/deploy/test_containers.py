"""What a container engine would show at the first start: programs that may start, honest and cheap health checks."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from agents.brokers.local_kafka.libraries import find_java, find_libraries
from agents.platform import health
from tests.deploy.test_compose import ENVIRONMENT, OURS, RUN_ONCE, compose
from tests.deploy.tools import DEPLOY, ROOT

# File capabilities that an official image gives to its program. The kernel refuses to execute such a program where the
# capability is not in the container's bounding set, whoever runs it. A new image: look at its Dockerfile for setcap.
FILE_CAPABILITIES: dict[str, list[str]] = {
    "apache/kafka": [],
    "caddy": ["NET_BIND_SERVICE"],
    "grafana/grafana": [],
    "postgres": [],
    "prom/alertmanager": [],
    "prom/prometheus": [],
    "crs-monitor": [],
}
FILES_AS_IN_THE_IMAGE = """
Configuration:
  Appenders: {RollingFile: [{name: FILE, fileName: server.log}]}
  Loggers: {Root: {level: INFO, AppenderRef: [{ref: FILE}]}}
"""
# What a check may start. A check runs for ever, inside the memory and CPU limits of what it checks.
LIGHT_PROGRAMS = {"bash", "pg_isready", "python", "wget"}


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    return dict(compose("three", environment=ENVIRONMENT | three_brokers())["services"])


def three_brokers() -> dict[str, str]:
    """The lines that .env.example offers for three brokers."""
    text = (ROOT / ".env.example").read_text(encoding="utf-8")
    part = text.partition("For three,")[2].partition("\n\n")[0]
    return dict(line.removeprefix("# ").split("=", 1) for line in part.splitlines() if re.match(r"# [A-Z_]+=", line))


def test_a_program_with_file_capabilities_may_be_executed(services: dict[str, Any]) -> None:
    for name, service in services.items():
        image = service["image"].rpartition(":")[0]
        assert service.get("cap_add", []) == FILE_CAPABILITIES[image], name


def test_health_checks_are_cheap_and_end_before_the_next(services: dict[str, Any]) -> None:
    for name, service in services.items():
        check = service.get("healthcheck", {})
        if check.get("test") is None:
            continue
        kind, program, *_ = check["test"]
        assert (kind, program in LIGHT_PROGRAMS) == ("CMD", True), f"{name}: {check['test']}"
        assert not re.search(r"java|/opt/kafka/bin", " ".join(check["test"])), name
        assert seconds(check["timeout"]) < seconds(check["interval"]), name


def seconds(written: str) -> int:
    """`1m30s` as 90, as Compose writes it."""
    units = {"h": 3600, "m": 60, "s": 1}
    return sum(int(number) * units[unit] for number, unit in re.findall(r"(\d+)([hms])", written))


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


def test_kafkas_check_asks_whether_its_port_is_open(services: dict[str, Any], listener: socket.socket) -> None:
    _, *command = services["kafka-1"]["healthcheck"]["test"]
    port = listener.getsockname()[1]
    here = [word.replace("/9092", f"/{port}") for word in command]
    assert here != command
    assert "INSIDE://:9092" in services["kafka-1"]["environment"]["KAFKA_LISTENERS"]
    assert subprocess.run(here, capture_output=True, timeout=60, check=False).returncode == 0
    listener.close()
    assert subprocess.run(here, capture_output=True, timeout=60, check=False).returncode != 0


@pytest.mark.parametrize(("not_ready", "healthy"), [(None, True), ("not assigned or not recovered yet", False)])
def test_a_process_that_lives_and_does_not_work_is_not_healthy(
    services: dict[str, Any], not_ready: str | None, healthy: bool
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    server = health.serve("127.0.0.1", port, lambda: None, lambda: not_ready)
    try:
        for name in sorted(OURS):
            if "test" in (check := services[name]["healthcheck"]) and check["test"] != ["NONE"]:
                _, _, *arguments = check["test"]
                here = [word.replace(":9101/", f":{port}/") for word in arguments]
                done = subprocess.run([sys.executable, *here], capture_output=True, timeout=60, check=False)
                assert (done.returncode == 0) == healthy, name
    finally:
        server.shutdown()


def test_one_broker_alone_survives_a_short_pause_and_three_notice_it_soon(services: dict[str, Any]) -> None:
    """Nobody can take over from the only broker: fenced, it lists no topics, and nobody is watched."""
    alone = compose()["services"]["kafka-1"]["environment"]
    assert int(alone["KAFKA_BROKER_SESSION_TIMEOUT_MS"]) >= 30_000
    for name in ("kafka-1", "kafka-2", "kafka-3"):
        assert int(services[name]["environment"]["KAFKA_BROKER_SESSION_TIMEOUT_MS"]) <= 6_000


def test_one_service_builds_the_image_and_all_others_wait_for_it(services: dict[str, Any]) -> None:
    assert {name for name, service in services.items() if "build" in service} == RUN_ONCE
    for name in OURS:
        assert services[name]["pull_policy"] == "never", f"{name}: no registry has our image"
        assert name in RUN_ONCE or waits_for(services, name) & RUN_ONCE, name


def waits_for(services: dict[str, Any], name: str) -> set[str]:
    """Every service that must be there first, directly or through others."""
    direct = set(services[name].get("depends_on", {}))
    return direct.union(*(waits_for(services, other) for other in direct))


def test_the_simulated_ward_keeps_its_census_where_it_outlives_the_container(services: dict[str, Any]) -> None:
    ward = services["ward"]
    assert "--census" in ward["command"]
    assert {(v["type"], v["target"]) for v in ward["volumes"]} == {("volume", "/var/lib/crs")}


def test_kafka_writes_its_log_to_the_console_alone(services: dict[str, Any]) -> None:
    for name in ("kafka-1", "kafka-2", "kafka-3"):
        mounted = {v["target"]: Path(v["source"]) for v in services[name]["volumes"] if v["type"] == "bind"}
        appenders = yaml.safe_load((mounted["/mnt/shared/config"] / "log4j2.yaml").read_text())["Configuration"]
        assert set(appenders["Appenders"]) == {"Console"}
        assert "-loggc" not in services[name]["environment"]["EXTRA_ARGS"].split()


@pytest.mark.slow
def test_kafkas_image_takes_our_settings_and_our_log_configuration(services: dict[str, Any], tmp_path: Path) -> None:
    """Run here is the program with which the image turns environment and mounted files into configuration."""
    given = services["kafka-1"]["environment"] | {"KAFKA_LOG_DIRS": str(tmp_path / "data")}
    default, final = tmp_path / "default", tmp_path / "final"
    for folder in (default, final):
        folder.mkdir()
    for file in ("log4j2.yaml", "tools-log4j2.yaml"):
        (default / file).write_text(FILES_AS_IN_THE_IMAGE, encoding="utf-8")
    (default / "server.properties").write_text("", encoding="utf-8")
    places = ("--default-configs-dir", default, "--mounted-configs-dir", DEPLOY / "kafka/container")
    command = [find_java().path, "-cp", f"{find_libraries()}/*", "kafka.docker.KafkaDockerWrapper", "setup"]
    subprocess.run([*command, *map(str, (*places, "--final-configs-dir", final))], env=given, check=True, timeout=120)
    assert "RollingFile" not in (final / "log4j2.yaml").read_text()
    properties = dict(
        line.split("=", 1) for line in (final / "server.properties").read_text().splitlines() if "=" in line
    )
    assert properties["broker.session.timeout.ms"] == given["KAFKA_BROKER_SESSION_TIMEOUT_MS"]
    assert properties["listeners"] == given["KAFKA_LISTENERS"]
    assert (tmp_path / "data/meta.properties").is_file(), "the storage was formatted with these settings"


def test_the_proxy_offers_only_what_is_published_and_binds_nobody_to_tls_on_localhost(
    services: dict[str, Any],
) -> None:
    text = (DEPLOY / "compose/Caddyfile").read_text(encoding="utf-8")
    protocols = re.findall(r"^\s*protocols (.+)$", text, re.MULTILINE)
    assert {port["protocol"] for port in services["board-tls"]["ports"]} == {"tcp"}
    assert protocols == ["h1 h2"], "h3 is UDP, and no UDP port is published"
    assert re.findall(r"^https?://([^:/\s]+)", text, re.MULTILINE) == ["localhost"]
    assert re.search(r"^\s*header_down -Strict-Transport-Security$", text, re.MULTILINE)
