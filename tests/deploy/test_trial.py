"""The first day as docs/trial.md describes it: its commands, its file for an own Kafka, what it says is there."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from agents.platform.settings import Settings
from tests.deploy.test_compose import ENVIRONMENT, OURS, compose
from tests.deploy.tools import DEPLOY, ROOT, one, passes

PAGE = (ROOT / "docs/trial.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```\n(.+?)^```", PAGE, re.DOTALL | re.MULTILINE)
OWN_KAFKA = "deploy/compose/own-kafka.yml"
HEADER = {"KAFKA_BOOTSTRAP_SERVERS": "kafka.example:9093", "CRS_TOPIC_PREFIX": "crs-trial."}


def block(words: str) -> str:
    """The commands of the page that have these words."""
    (found,) = [each for each in BLOCKS if words in each]
    return str(found)


def as_written(folder: Path) -> Path:
    """The .env that the page's commands leave, for the compose system and then for an own Kafka."""
    shutil.copy(ROOT / ".env.example", folder)
    added = block("cat >>.env").partition("docker compose down")[0]
    for commands in (block("cp .env.example .env"), added):
        subprocess.run(["sh", "-euc", commands], cwd=folder, check=True, timeout=60)
    return folder / ".env"


def parsed(*files: str | Path, env_file: Path) -> dict[str, Any]:
    """The services of these files, as Docker Compose parses them with this .env alone."""
    named = [word for file in files for word in ("-f", str(file))]
    output = passes("docker-compose", "--env-file", env_file, *named, "config", "--format", "json", env={})
    return dict(json.loads(output)["services"])


def test_the_commands_give_every_password_and_two_passwords_are_never_the_same(tmp_path: Path) -> None:
    lines = [line for line in as_written(tmp_path).read_text().splitlines() if line and not line.startswith("#")]
    values = dict(line.split("=", 1) for line in lines)
    assert values.keys() >= ENVIRONMENT.keys()
    given = [values[name] for name in ENVIRONMENT]
    assert len(set(given)) == len(given)
    assert all(re.fullmatch(r"[0-9a-f]{48}", value) for value in given)


def test_on_an_own_kafka_every_part_has_its_settings_and_the_simulated_ward_is_absent(tmp_path: Path) -> None:
    services = parsed("docker-compose.yml", OWN_KAFKA, env_file=as_written(tmp_path))
    assert not {name for name in services if name.startswith("kafka") or name == "ward"}
    known = {f"CRS_{name.upper()}" for name in Settings.model_fields} | {"KAFKA_BOOTSTRAP_SERVERS"}
    own = re.findall(r"^  ((?:KAFKA|CRS)_[A-Z_]+):", (ROOT / OWN_KAFKA).read_text(encoding="utf-8"), re.MULTILINE)
    assert own
    assert set(own) <= known
    for name in OURS - {"ward"}:
        settings = services[name]["environment"]
        assert settings["KAFKA_BOOTSTRAP_SERVERS"].startswith("kafka-1.hospital.example:9093,")
        assert settings["CRS_TOPIC_PREFIX"] == "crs-trial."
        assert (settings["CRS_SECURITY_PROTOCOL"], settings["CRS_SASL_PASSWORD"]) == ("SASL_SSL", "change-me")
        assert settings["CRS_SSL_CAFILE"] in {volume["target"] for volume in services[name]["volumes"]}
        assert services[name].get("depends_on", {}).keys() <= services.keys(), name


def test_on_an_own_kafka_without_tls_nothing_of_tls_is_set(tmp_path: Path) -> None:
    env_file = tmp_path / ".env"
    given = ENVIRONMENT | HEADER | {"CRS_SECURITY_PROTOCOL": "PLAINTEXT"}
    env_file.write_text("".join(f"{name}={value}\n" for name, value in given.items()))
    services = parsed("docker-compose.yml", OWN_KAFKA, env_file=env_file)
    for name in OURS - {"ward"}:
        settings = services[name]["environment"]
        assert not [each for each in settings if each.startswith(("CRS_SASL_USERNAME", "CRS_SSL")) and settings[each]]
        assert settings["CRS_SECURITY_PROTOCOL"] == "PLAINTEXT"


def test_services_commands_and_addresses_of_the_page_exist() -> None:
    services = compose()["services"]
    for command in re.findall(r"^docker compose (.+)$", "\n".join(BLOCKS), re.MULTILINE):
        words = shlex.split(command)
        if words[0] in {"exec", "kill", "start"}:
            assert words[1] in services, command
        for file in (after for before, after in pairwise(words) if before == "-f"):
            assert (ROOT / file).is_file(), command
    published = {port["published"] for service in services.values() for port in service.get("ports", [])}
    named = set(re.findall(r"https?://(?:localhost|127\.0\.0\.1):(\d+)", PAGE))
    assert named
    assert named <= published


def test_it_names_as_many_targets_as_prometheus_has() -> None:
    jobs = one(DEPLOY / "prometheus/prometheus.yml")["scrape_configs"]
    targets = [target for job in jobs for each in job["static_configs"] for target in each["targets"]]
    words = {7: "seven", 8: "eight"}
    assert f"{words[len(targets)]} targets" in PAGE


@pytest.mark.parametrize("page", ["README.md", "docs/operations.md", "deploy/README.md"])
def test_the_page_is_found(page: str) -> None:
    assert "trial.md" in (ROOT / page).read_text(encoding="utf-8")
