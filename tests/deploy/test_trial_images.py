"""The stand-ins for images (deploy/trial): one for each image of the compose file, with what the containers rely on."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.containers.compose_system import ComposeSystem
from tests.containers.sabotages import SABOTAGES
from tests.deploy.test_compose import ENVIRONMENT, OURS, compose
from tests.deploy.test_containers import FILE_CAPABILITIES
from tests.deploy.tools import DEPLOY, ROOT, one, passes

TRIAL = DEPLOY / "trial"
SCRIPTS = sorted({*TRIAL.glob("*.sh"), TRIAL / "images/kafka-run", TRIAL / "images/postgres-entrypoint"})
DOCKERFILE = (TRIAL / "images/Dockerfile").read_text(encoding="utf-8")
STAGES: dict[str, str] = dict(re.findall(r"^FROM \S+ AS (\w+)\n(.+?)(?=^FROM |\Z)", DOCKERFILE, re.S | re.M))


def stage(image: str) -> str:
    """The instructions for this image's stand-in."""
    return STAGES[image.rpartition(":")[0].rpartition("/")[2]]


def test_there_is_a_stand_in_for_every_image_but_those_that_are_taken_out() -> None:
    services = compose()["services"]
    without = one(TRIAL / "without-grafana.yml")["services"]
    images = {
        service["image"].rpartition(":")[0]
        for name, service in services.items()
        if name not in OURS and name not in without
    }
    (built,) = re.findall(r"^  for image in (.+); do$", (TRIAL / "images.sh").read_text(encoding="utf-8"), re.M)
    assert set(built.split()) == images | {"python"}
    assert {image.rpartition("/")[2] for image in built.split()} == STAGES.keys()


def test_taking_grafana_out_leaves_a_file_that_compose_can_read() -> None:
    files = ("-f", "docker-compose.yml", "-f", TRIAL / "without-grafana.yml")
    services = set(passes("docker-compose", *files, "config", "--services", env=ENVIRONMENT).split())
    assert services == compose()["services"].keys() - {"grafana"}


def test_a_stand_in_has_the_file_capability_of_the_official_image() -> None:
    for image, capabilities in FILE_CAPABILITIES.items():
        if (name := image.rpartition("/")[2]) in STAGES:
            given = re.findall(r"setcap cap_(\w+)=\+ep", STAGES[name])
            assert [each.upper() for each in given] == capabilities, image


def test_a_stand_in_has_the_programs_with_which_health_is_asked() -> None:
    for service in compose()["services"].values():
        kind, *command = service.get("healthcheck", {}).get("test", ["NONE"])
        name = service["image"].rpartition(":")[0].rpartition("/")[2]
        if kind == "CMD" and command[0] == "wget" and name in STAGES:
            assert "/usr/local/bin/wget" in stage(service["image"]), name


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_a_script_can_be_read_and_executed(script: Path) -> None:
    assert script.stat().st_mode & 0o111 == 0o111
    done = subprocess.run(["bash", "-n", str(script)], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


def test_hadolint_finds_no_fault_in_the_stand_ins() -> None:
    passes("hadolint", TRIAL / "images/Dockerfile")


def test_the_run_gives_every_password_that_compose_wants(tmp_path: Path) -> None:
    wanted = re.findall(r"\$\{(\w+):\?", (ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
    assert ComposeSystem(tmp_path).passwords.keys() == set(wanted)


def test_eight_sabotages_each_of_something_else() -> None:
    assert len(SABOTAGES) == 8
    assert len({(each.noticed_by, each.because) for each in SABOTAGES.values()}) == 8


@pytest.mark.parametrize("name", SABOTAGES)
def test_compose_can_read_a_sabotage_and_what_it_changes_is_there(name: str, tmp_path: Path) -> None:
    sabotage = SABOTAGES[name]
    override = sabotage.written(tmp_path)
    files = ("-f", "docker-compose.yml", "-f", TRIAL / "without-grafana.yml")
    with_it = passes("docker-compose", *files, "-f", override, "config", env=ENVIRONMENT)
    assert with_it != passes("docker-compose", *files, "config", env=ENVIRONMENT)
    for file in sabotage.files:
        assert (tmp_path / Path(file).name).read_text(encoding="utf-8") != (ROOT / file).read_text(encoding="utf-8")
