"""A worker of a planted older build: its URL in the group has its host name, whatever its own name is."""

from __future__ import annotations

import sys
from typing import Any

from agents.cli.main import main
from agents.platform.settings import Settings
from agents.stream import membership


def identity(settings: Settings) -> dict[str, Any]:
    return {"consumer_group_instance_id": settings.instance_id}


if __name__ == "__main__":
    membership.identity = identity
    sys.argv.insert(1, "worker")
    main()
