"""Engines with a clock: the engine with idle ticks, and a partition of the stream with the ticks of the log."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

from agents.engine.outcome import Forward, Outcome
from agents.engine.partition import Partition
from monitor.guidelines.in_force import Guideline
from monitor.model import fresh
from monitor.patient_view import view
from monitor.units import MINUTE, to_datetime
from schemas.events import Tick
from schemas.state import PatientState
from tests.stories.engines import GUIDELINES, Engine, EngineOutput

TICKS_APART = 2 * MINUTE


class TickClock:
    """A clock that ticks every other minute, whether or not anything is due, and whenever something is.

    The real one ticks every second; a slower one than this would look like an outage.
    """

    def __init__(self) -> None:
        self._at: int | None = None

    def passes(self, at: int) -> None:
        """Log time reaches `at` (ms)."""
        self._at = at if self._at is None else max(at, self._at)

    def next_tick(self, due: int | None) -> int | None:
        """The next idle tick, or what is due before it (ms)."""
        anyway = None if self._at is None else self._at - self._at % TICKS_APART + TICKS_APART
        return min((at for at in (due, anyway) if at is not None), default=None)


class EngineWithIdleTicks(Engine):
    """The engine with ticks at which nothing is due; the outcome must be the same."""

    def __init__(self, guideline: Guideline) -> None:
        super().__init__(guideline)
        self.clock = TickClock()

    def receive(self, event: dict[str, Any], at: int, **how: bool) -> EngineOutput:
        self.clock.passes(at)
        return super().receive(event, at, **how)

    def tick(self, at: int) -> EngineOutput:
        self.clock.passes(at)
        return super().tick(at)

    def next_due(self) -> int | None:
        return self.clock.next_tick(super().next_due())


@dataclass(slots=True)
class Record:
    """A record of the log, as a Kafka client would give it."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    timestamp_type: int = 1  # the broker's clock


class PartitionEngine:
    """The partition as the worker judges it, fed record by record, with the ticks of the log."""

    def __init__(self, guideline: Guideline) -> None:
        self.guideline = guideline
        self.shard = Partition(guideline, 0, "crs.patient-events")
        self.clock = TickClock()

    def receive(self, event: dict[str, Any], at: int, *, fails: bool = False, backlog: bool = False) -> EngineOutput:
        self.clock.passes(at)
        if not fails:
            return self._append(event["patient_id"].encode(), json.dumps(event).encode(), at)
        with patch("agents.engine.patients.step", side_effect=ArithmeticError("planted")):
            return self._append(event["patient_id"].encode(), json.dumps(event).encode(), at)

    def tick(self, at: int) -> EngineOutput:
        self.clock.passes(at)
        return self._append(None, Tick(effective_at=to_datetime(at)).model_dump_json().encode(), at)

    def next_due(self) -> int | None:
        due = min((s.due_at for s in self.shard.patients.states.values() if s.due_at is not None), default=None)
        return self.clock.next_tick(due)

    def view(self, patient_id: str, at: int) -> PatientState:
        return view(self.guideline, self.shard.patients.states.get(patient_id) or fresh(patient_id), at)

    def _append(self, key: bytes | None, value: bytes, at: int) -> EngineOutput:
        outcome = self.shard.apply([Record(self.shard.next_offset, at, key, value)])
        output = _output_of(outcome)
        for forward in outcome.forwards:
            output += self._forwarded(forward, at)
        return output

    def _forwarded(self, forward: Forward, at: int) -> EngineOutput:
        """The worker appends the forwarded events of a merge to the log."""
        return self._append(forward.patient_id.encode(), forward.value, at)


def _output_of(outcome: Outcome) -> EngineOutput:
    return EngineOutput(
        tuple(one.alert for one in outcome.alerts),
        tuple(outcome.verdicts),
        tuple(letter.letter.reason for letter in outcome.letters),
    )


def engine_with_idle_ticks(profile: str) -> EngineWithIdleTicks:
    """The engine, with ticks at which nothing is due."""
    return EngineWithIdleTicks(GUIDELINES[profile])


def partition_engine(profile: str) -> PartitionEngine:
    """One partition of the stream."""
    return PartitionEngine(GUIDELINES[profile])
