"""The pages for operators: tables as in the code, links that work, commands that exist."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.deploy.tools import DEPLOY, ROOT, passes

PAGES = [
    ROOT / "docs/operations.md",
    ROOT / "docs/upgrade.md",
    ROOT / "docs/runbook.md",
    ROOT / "docs/trial.md",
    DEPLOY / "README.md",
]


def test_the_tables_of_operations_are_those_of_the_code() -> None:
    command = [sys.executable, str(DEPLOY / "reference.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_has_a_target(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)", page.read_text(encoding="utf-8")):
        assert target.startswith("http") or (page.parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_names_the_limits_of_the_system(page: Path) -> None:
    text = " ".join(page.read_text(encoding="utf-8").split())
    assert "not a medical device" in text
    assert "not a primary alarm" in text


def test_commands_that_pages_name_exist() -> None:
    from agents.cli.main import COMMANDS

    for page in PAGES:
        named = set(re.findall(r"`?crs-monitor ([a-z]+)", page.read_text(encoding="utf-8")))
        assert named <= COMMANDS.keys(), page.name


def test_the_scrape_configuration_for_kubernetes_is_valid(tmp_path: Path) -> None:
    """Without the discovery itself, which Debian's Prometheus is built without."""
    (jobs,) = re.findall(r"```yaml\n(.+?)```", (DEPLOY / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    (job,) = yaml.safe_load(jobs)
    assert job.pop("kubernetes_sd_configs") == [{"role": "pod", "namespaces": {"names": ["crs-monitor"]}}]
    path = tmp_path / "prometheus.yml"
    path.write_text(yaml.safe_dump({"scrape_configs": [job]}), encoding="utf-8")
    passes("promtool", "check", "config", path)
