"""How many files one log record is read through on its way to a judged step: `python -m benchmarks.files_entered`.

Traced is `Partition.apply` of one record, with `sys.setprofile`. A file counts when a function, method, lambda or
comprehension written in it runs. Not counted: `schemas/` (the contract), `__init__.py`, files outside `agents/` and
`monitor/`, and files that only hold data types or constants (`model.py`, `fact_types.py`, `step_types.py`).
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

from agents.engine.outcome import Outcome
from agents.engine.partition import Partition
from monitor.guidelines import in_force
from monitor.units import MINUTE, to_datetime

ROOT = Path(__file__).parents[1]
COUNTED = ("agents/", "monitor/")
START = 1_772_438_400_000  # 2 March 2026, 08:00 UTC
STABLE = {"temperature_celsius": 36.9, "systolic_mmhg": 118.0, "mean_arterial_mmhg": 84.0, "spo2_percent": 97.0}
Event = dict[str, Any]
ADMITTED: Event = {"type": "patient", "infused_at": to_datetime(START).isoformat(), "weight_kg": 80.0}
READING: Event = {"type": "vitals", "source": "monitor", **STABLE}
FEVER: Event = {"type": "vitals", "source": "charted", **STABLE, "temperature_celsius": 38.6}
HYPOTENSION: Event = {"type": "vitals", "source": "charted", **STABLE, "systolic_mmhg": 84.0}
# What happens, the alert that it must raise, and what went before.
CASES: tuple[tuple[str, str | None, tuple[Event, ...]], ...] = (
    ("a reading like the one before", None, (ADMITTED, READING, READING, READING)),
    ("first fever: onset", "onset", (ADMITTED, READING, READING, FEVER)),
    ("hypotension: escalation", "escalation", (ADMITTED, READING, READING, FEVER, HYPOTENSION)),
)


class Record(NamedTuple):
    """A record of the log; `timestamp` in ms since 1970."""

    offset: int
    timestamp: int
    key: bytes
    value: bytes
    timestamp_type: int = 1


class Trace:
    """The files entered and the calls made while a function runs."""

    def __init__(self) -> None:
        self.files: dict[str, int] = {}
        self.moves = 0
        self._last = ""

    def __call__(self, frame: FrameType, event: str, _: object) -> None:
        if event != "call":
            return
        path = Path(frame.f_code.co_filename)
        if not path.is_relative_to(ROOT):
            return
        name = path.relative_to(ROOT).as_posix()
        if not name.startswith(COUNTED) or path.name in ("__init__.py", "model.py", "fact_types.py", "step_types.py"):
            return
        self.files[name] = self.files.get(name, 0) + 1
        self.moves += name != self._last
        self._last = name


def records(events: Iterable[Event]) -> list[Record]:
    """The events as log records, one a minute."""
    made = []
    for offset, event in enumerate(events):
        at = START + offset * MINUTE
        whole = {"event_id": f"E{offset}", "patient_id": "A", "effective_at": to_datetime(at).isoformat(), **event}
        made.append(Record(offset, at, b"A", json.dumps(whole).encode()))
    return made


def trace(events: Iterable[Event]) -> tuple[Trace, Outcome]:
    """The way of the last of these events."""
    *before, last = records(events)
    partition = Partition(in_force.load(), 0, "crs.events")
    partition.apply(before)
    way = Trace()
    sys.setprofile(way)
    try:
        outcome = partition.apply([last])
    finally:
        sys.setprofile(None)
    return way, outcome


def main() -> None:
    """Prints a table, and the files of each case."""
    ways = []
    for name, kind, events in CASES:
        way, outcome = trace(events)
        raised = {alert.alert.kind for alert in outcome.alerts}
        assert kind in raised if kind else not raised, f"{name}: raised {raised}"
        ways.append((name, way))
    print(f"{'log record -> judged step':34} {'files':>6} {'calls':>6} {'moves from file to file':>24}")
    for name, way in ways:
        print(f"{name:34} {len(way.files):6} {sum(way.files.values()):6} {way.moves:24}")
    for name, way in ways:
        print(f"\n{name}")
        for file, calls in way.files.items():
            print(f"  {calls:4} {file}")


if __name__ == "__main__":
    main()
