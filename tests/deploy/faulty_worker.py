"""A worker with a planted bug: judging a patient whose id begins with `planted` raises an exception."""

from __future__ import annotations

import sys
from typing import Any

from agents.cli.main import main
from agents.engine import patients
from monitor import step as monitor_step

step = monitor_step.step


def planted(guideline: Any, state: Any, *rest: Any, **more: Any) -> Any:
    """`step`, except for these patients."""
    if state.patient_id.startswith("planted"):
        raise KeyError("planted")
    return step(guideline, state, *rest, **more)


if __name__ == "__main__":
    vars(patients)["step"] = planted
    sys.argv.insert(1, "worker")
    main()
