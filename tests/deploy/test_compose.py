"""The compose file and the Dockerfile, checked without a container engine."""

from __future__ import annotations

import json
import re
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from agents.cli.main import module_of
from agents.platform.settings import Settings
from tests.deploy.tools import DEPLOY, ROOT, passes, run

# Passwords for this test only.
ENVIRONMENT = {"CRS_DB_PASSWORD": "db", "CRS_READER_PASSWORD": "reader", "CRS_GRAFANA_PASSWORD": "grafana"} | {
    "CRS_REFERENCE_SECRET": "only-for-this-test-run",
    "CRS_BOARD_TOKEN": "only-for-this-test-run",
}
THREE = {"CRS_QUORUM": "1@kafka-1:9093,2@kafka-2:9093,3@kafka-3:9093", "CRS_REPLICATION_FACTOR": "3"}
RUN_ONCE = {"topics"}
WITHOUT_HEALTHCHECK = RUN_ONCE | {"ward"}
OURS = {"topics", "worker-1", "worker-2", "dispatch", "history", "board", "ward"}


def compose(*profiles: str, environment: dict[str, str] = ENVIRONMENT) -> dict[str, Any]:
    """The services as Docker Compose itself parses them."""
    chosen = [word for profile in profiles for word in ("--profile", profile)]
    output = passes("docker-compose", *chosen, "config", "--format", "json", env=environment)
    return dict(json.loads(output))


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    return dict(compose("three", environment=ENVIRONMENT | THREE)["services"])


def test_one_node_by_default_and_three_by_profile(services: dict[str, Any]) -> None:
    assert {name for name in compose()["services"] if name.startswith("kafka")} == {"kafka-1"}
    brokers = {name for name in services if name.startswith("kafka")}
    assert brokers == {"kafka-1", "kafka-2", "kafka-3"}
    for name in brokers:
        settings = services[name]["environment"]
        assert f"{settings['KAFKA_NODE_ID']}@{name}:9093" in settings["KAFKA_CONTROLLER_QUORUM_VOTERS"].split(",")
        assert f"INSIDE://{name}:9092" in settings["KAFKA_ADVERTISED_LISTENERS"]
        (desk,) = services[name]["ports"]
        assert f"DESK://127.0.0.1:{desk['published']}" in settings["KAFKA_ADVERTISED_LISTENERS"]
        assert f"DESK://:{desk['target']}" in settings["KAFKA_LISTENERS"]


def test_every_service_is_listed(services: dict[str, Any]) -> None:
    others = {"kafka-1", "kafka-2", "kafka-3", "history-db", "prometheus", "alertmanager", "grafana", "board-tls"}
    assert services.keys() == OURS | others


def test_passwords_come_from_the_environment_and_are_not_in_the_files() -> None:
    done = run("docker-compose", "config", "--quiet", env={})
    assert done.returncode != 0
    for name in ENVIRONMENT:
        assert f"{name} is missing a value" in done.stderr
    example = (ROOT / ".env.example").read_text(encoding="utf-8")
    for name in ENVIRONMENT:
        assert re.search(rf"^{name}=$", example, re.MULTILINE), f"{name}: named in .env.example, and empty there"
    assert ".env" in (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()


def test_every_container_is_guarded(services: dict[str, Any]) -> None:
    for name, service in services.items():
        assert service["read_only"], name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["user"].partition(":")[0] not in {"", "0", "root"}, name
        assert service["deploy"]["resources"]["limits"].keys() >= {"cpus", "memory", "pids"}, name
        assert "privileged" not in service, name
        assert "latest" not in service["image"], name
        assert re.search(r":v?\d+\.\d+(\.\d+)?(-[a-z]+)?$", service["image"]), (
            f"{name}: {service['image']} is not pinned"
        )


def test_every_service_has_a_health_check(services: dict[str, Any]) -> None:
    for name, service in services.items():
        check = service.get("healthcheck", {})
        assert bool(check.get("test")) != (name in WITHOUT_HEALTHCHECK), name
        wanted = "on-failure:5" if name in RUN_ONCE else "unless-stopped"
        assert service["restart"] == wanted, name


def test_ports_are_on_loopback_only(services: dict[str, Any]) -> None:
    open_ports = [port for service in services.values() for port in service.get("ports", [])]
    assert {port["host_ip"] for port in open_ports} == {"127.0.0.1"}
    published = [port["published"] for port in open_ports]
    assert len(published) == len(set(published))


def test_mounted_files_exist_and_written_data_has_a_volume(services: dict[str, Any]) -> None:
    for name, service in services.items():
        for volume in service.get("volumes", []):
            if volume["type"] == "bind":
                assert Path(volume["source"]).exists(), f"{name}: {volume['source']}"
                assert volume["read_only"], name
    writes = {
        name: {v["target"] for v in s.get("volumes", []) if v["type"] == "volume"} for name, s in services.items()
    }
    assert all("/var/lib/crs" in writes[name] for name in OURS - WITHOUT_HEALTHCHECK)
    assert writes["history-db"] == {"/var/lib/postgresql/data"}
    assert writes["kafka-1"] == {services["kafka-1"]["environment"]["KAFKA_LOG_DIRS"]}


def test_our_commands_and_settings_exist(services: dict[str, Any]) -> None:
    known = {f"CRS_{name.upper()}" for name in Settings.model_fields} | {"KAFKA_BOOTSTRAP_SERVERS"}
    for name in OURS:
        service = services[name]
        given, *arguments = service["command"]
        command = import_module(str(module_of(given))).command
        command.make_context(given, list(arguments))
        assert set(service["environment"]) - {"CRS_REFERENCE_SECRET", "CRS_BOARD_TOKEN"} <= known, name


def test_prometheus_scrapes_services_that_exist(services: dict[str, Any]) -> None:
    text = (DEPLOY / "prometheus/prometheus.yml").read_text(encoding="utf-8")
    hosts = set(re.findall(r'"([a-z][a-z0-9-]*):\d+"', text))
    assert hosts <= services.keys()
    assert {"worker-1", "worker-2", "dispatch", "board", "history", "alertmanager"} <= hosts


def test_the_dispatch_configuration_is_valid(monkeypatch: pytest.MonkeyPatch) -> None:
    from click.testing import CliRunner

    from agents.cli.dispatch import command

    monkeypatch.setenv("CRS_REFERENCE_SECRET", ENVIRONMENT["CRS_REFERENCE_SECRET"])
    done = CliRunner().invoke(command, ["--config", str(DEPLOY / "compose/dispatch.toml"), "--check"])
    assert done.exit_code == 0, done.output


def test_hadolint_finds_no_fault_in_the_dockerfile() -> None:
    passes("hadolint", DEPLOY / "Dockerfile")
