"""The real checkers of configuration files (promtool, hadolint, …); a test without its checker is skipped by name."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
import yaml

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
PACKAGES = {
    "promtool": "prometheus",
    "prometheus": "prometheus",
    "amtool": "prometheus-alertmanager",
    "prometheus-alertmanager": "prometheus-alertmanager",
}


def tool(name: str) -> str:
    """The path of a checker: in the virtual environment when a wheel brings it, else on the PATH."""
    found = shutil.which(name, path=str(Path(sys.executable).parent)) or shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed (Debian: apt-get install {PACKAGES.get(name, name)})")
    return found


def run(name: str, *arguments: str | Path, cwd: Path = ROOT, **more: Any) -> subprocess.CompletedProcess[str]:
    """Runs a checker and returns its exit code and output."""
    command = [tool(name), *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=120, check=False, **more)


def passes(name: str, *arguments: str | Path, **more: Any) -> str:
    """Runs a checker that must find no fault; returns its output."""
    done = run(name, *arguments, **more)
    assert done.returncode == 0, f"{name}: {done.stdout}{done.stderr}"
    return done.stdout


def json_from(url: str, **parameters: str) -> Any:
    """JSON from a page of Prometheus or Alertmanager. Raises OSError when it does not answer."""
    query = f"?{urlencode(parameters)}" if parameters else ""
    with urllib.request.urlopen(f"{url}{query}", timeout=10) as answer:
        return json.load(answer)


def documents(path: Path) -> list[Any]:
    """All YAML documents of a file."""
    return [document for document in yaml.safe_load_all(path.read_text(encoding="utf-8")) if document is not None]


def one(path: Path) -> Any:
    """The only YAML document of a file."""
    (document,) = documents(path)
    return document
