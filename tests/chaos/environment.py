"""Passes settings to a child process as environment variables."""

from __future__ import annotations

import os
from pathlib import Path

from agents.platform.kafka_connection import BOOTSTRAP
from agents.platform.settings import Settings

ROOT = Path(__file__).parents[2]


def environment(settings: Settings) -> dict[str, str]:
    """The environment of this process, with every setting that was given."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith("CRS_")}
    for name in settings.model_fields_set - {"bootstrap_servers"}:
        value = getattr(settings, name)
        if value is not None:
            ours[f"CRS_{name.upper()}"] = str(value)
    return ours | {BOOTSTRAP: settings.bootstrap_servers, "PYTHONPATH": str(ROOT)}
