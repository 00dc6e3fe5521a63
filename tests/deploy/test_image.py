"""The image: pinned packages for the services and nothing else, run by an unprivileged user."""

from __future__ import annotations

import re
import sys

from packaging.utils import canonicalize_name

from tests.deploy.base_install import closure, requirements
from tests.deploy.tools import DEPLOY, ROOT

DOCKERFILE = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
PINS = {
    canonicalize_name(name): version
    for name, version in re.findall(
        r"^([A-Za-z0-9_.-]+)==(\S+)$", (DEPLOY / "constraints.txt").read_text(encoding="utf-8"), re.MULTILINE
    )
}
IMAGE_PYTHON = tuple(map(int, re.findall(r"^ARG PYTHON=(\d+)\.(\d+)", DOCKERFILE, re.MULTILINE)[0]))
EXTRAS_IN_THE_IMAGE = ("history", "notify")


def test_what_is_pinned_is_what_the_project_asks_for() -> None:
    for wanted in requirements(*EXTRAS_IN_THE_IMAGE):
        pinned = PINS[canonicalize_name(wanted.name)]
        assert wanted.specifier.contains(pinned), (
            f"{wanted.name} is pinned to {pinned}, pyproject wants {wanted.specifier}"
        )


def test_the_image_holds_what_these_extras_bring_and_nothing_else() -> None:
    assert f"'.[{','.join(EXTRAS_IN_THE_IMAGE)}]'" in DOCKERFILE
    brought = closure(requirements(*EXTRAS_IN_THE_IMAGE))
    assert brought <= PINS.keys()
    if sys.version_info[:2] == IMAGE_PYTHON:  # An older or newer Python needs a few packages more or fewer.
        assert brought == PINS.keys()


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
    assert copied == allowed
    assert all((ROOT / source).exists() for source in copied)
