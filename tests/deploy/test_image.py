"""The image: locked packages for the services and nothing else, run by an unprivileged user."""

from __future__ import annotations

import re
import sys
import tomllib
from fnmatch import fnmatch

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.deploy.base_install import closure, requirements
from tests.deploy.tools import DEPLOY, ROOT

DOCKERFILE = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
LOCK = (DEPLOY / "requirements.lock").read_text(encoding="utf-8")
BUILD_LOCK = (DEPLOY / "build.lock").read_text(encoding="utf-8")
HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}")


def locked(lock: str) -> dict[str, tuple[Requirement, int]]:
    """Each package of a lock file with how many hashes it has."""
    entries = re.sub(r" \\\n\s+", " ", lock).splitlines()
    found: dict[str, tuple[Requirement, int]] = {}
    for entry in entries:
        if not entry.startswith("#"):
            package = Requirement(HASH.sub("", entry).strip())
            found[canonicalize_name(package.name)] = (package, len(HASH.findall(entry)))
    return found


PINS = {name: str(package.specifier).removeprefix("==") for name, (package, _) in locked(LOCK).items()}
IMAGE_PYTHON = tuple(map(int, re.findall(r"^ARG PYTHON=(\d+)\.(\d+)", DOCKERFILE, re.MULTILINE)[0]))
HOUSE_CERTIFICATE, OPTIONAL = "deploy/house-ca.crt", "deploy/house-ca.cr[t]"
EXTRAS_IN_THE_IMAGE = ("history", "notify")


def test_what_is_pinned_is_what_the_project_asks_for() -> None:
    for wanted in requirements(*EXTRAS_IN_THE_IMAGE):
        pinned = PINS[canonicalize_name(wanted.name)]
        assert wanted.specifier.contains(pinned), (
            f"{wanted.name} is pinned to {pinned}, pyproject wants {wanted.specifier}"
        )


@pytest.mark.parametrize("lock", [LOCK, BUILD_LOCK], ids=["packages", "build"])
def test_every_locked_package_has_one_version_and_hashes(lock: str) -> None:
    found = locked(lock)
    assert found
    for name, (package, hashes) in found.items():
        assert re.fullmatch(r"==[\w.!+]+", str(package.specifier)), f"{name}: {package.specifier}"
        assert hashes > 0, f"{name} has no hash"


@pytest.mark.parametrize("lock", [LOCK, BUILD_LOCK], ids=["packages", "build"])
def test_a_lock_names_no_index_and_no_path(lock: str) -> None:
    text = "\n".join(line for line in lock.splitlines() if not line.startswith("#"))
    assert not re.search(r"https?:|index-url|find-links|trusted-host| @ |(?<![\w.])/|file:", text)
    assert not re.search(r"https?:|/(?:home|root|tmp|usr|work)", lock), "nor does its header"


def test_what_builds_the_wheel_is_what_the_project_asks_for() -> None:
    build = locked(BUILD_LOCK)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    for wanted in map(Requirement, project["build-system"]["requires"]):
        assert wanted.specifier.contains(str(build[canonicalize_name(wanted.name)][0].specifier).removeprefix("=="))


def test_every_installation_in_the_image_is_held_to_hashes() -> None:
    text = DOCKERFILE.replace("\\\n", " ")
    installed = [
        command
        for command in re.split(r"&&|\n", text)
        if re.search(r"\bpip (?:--python \S+ )?(?:install|wheel) ", command)
    ]
    assert len(installed) == 4, "packages, what builds our wheel, the wheel, its installation"
    for command in installed:
        assert "--no-deps" in command
        assert "--require-hashes" in command or "--no-index" in command, command


def test_the_image_holds_what_these_extras_bring_and_nothing_else() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    extras = " ".join(f"--extra {extra}" for extra in EXTRAS_IN_THE_IMAGE)
    assert f"pyproject.toml {extras} --output-file deploy/requirements.lock" in makefile
    brought = closure(requirements(*EXTRAS_IN_THE_IMAGE))
    assert brought <= PINS.keys()
    if sys.version_info[:2] == IMAGE_PYTHON:  # An older or newer Python needs a few packages more or fewer.
        here = {
            name for name, (package, _) in locked(LOCK).items() if package.marker is None or package.marker.evaluate()
        }
        assert brought == here


def test_the_image_runs_as_an_unprivileged_user_without_build_tools() -> None:
    last = DOCKERFILE.rpartition("\nFROM ")[2]
    assert re.search(r"^USER 10001:10001$", last, re.MULTILINE)
    assert "pip uninstall" in last
    assert "apt-get" not in DOCKERFILE
    assert re.search(r"^ARG PYTHON=3\.11\.\d+-slim-bookworm$", DOCKERFILE, re.MULTILINE)


def test_the_build_context_holds_exactly_what_is_copied() -> None:
    allowed = {
        line.removeprefix("!")
        for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
        if line.startswith("!")
    }
    copied = {
        source
        for line in re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, re.MULTILINE)
        for source in line.split()[:-1]
    }
    assert {source.replace(OPTIONAL, HOUSE_CERTIFICATE) for source in copied} == allowed
    assert all((ROOT / source).exists() for source in copied - {OPTIONAL})


def test_a_house_may_give_its_certificate_and_its_mirror_and_neither_is_in_the_image() -> None:
    assert fnmatch(HOUSE_CERTIFICATE, OPTIONAL), "a pattern may match nothing, a name must exist"
    build, _, last = DOCKERFILE.rpartition("\nFROM ")
    for name in ("PIP_INDEX_URL", "PIP_CERT"):
        assert re.search(rf"^ARG {name}$", build, re.MULTILINE), f"{name}: no default, so pip sees it only when given"
        assert name not in last
    assert HOUSE_CERTIFICATE in (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()
    built = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))["services"]["topics"]["build"]
    assert built["args"] == ["PIP_INDEX_URL", "PIP_CERT"]
