"""Engines that run a story: the judgement alone, or restored from its stored row before every event."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple, Protocol

from monitor.defect import step_on_defect
from monitor.guidelines.in_force import Guideline, load
from monitor.model import State, fresh
from monitor.patient_view import view
from monitor.record import row
from monitor.step import ImplausibleSignal, PatientEventType, Step, step
from monitor.units import to_datetime
from schemas.alerts import Alert
from schemas.decode import decode
from schemas.decoded import Refused
from schemas.events import Tick
from schemas.state import PatientState


class EngineOutput(NamedTuple):
    """The result of one event or tick."""

    alerts: tuple[Alert, ...] = ()
    verdicts: tuple[str, ...] = ()
    dead_letters: tuple[str, ...] = ()

    def __add__(self, other: object) -> EngineOutput:
        assert isinstance(other, EngineOutput)
        return EngineOutput(
            self.alerts + other.alerts, self.verdicts + other.verdicts, self.dead_letters + other.dead_letters
        )


class StoryEngine(Protocol):
    """What can run a story: events and ticks in, alerts, verdicts and dead letters out."""

    def receive(self, event: dict[str, Any], at: int, *, fails: bool = False, backlog: bool = False) -> EngineOutput:
        """One event as JSON would carry it, received at a log time.

        `fails`: judging it raises an exception. `backlog`: it was read late, after an outage of the worker.
        """

    def tick(self, at: int) -> EngineOutput:
        """Log time reaches `at` (ms)."""

    def next_due(self) -> int | None:
        """When time alone may next change something (ms)."""

    def view(self, patient_id: str, at: int) -> PatientState:
        """The published state of a patient."""


class Engine:
    """The judgement alone. `snapshots`: each state is encoded and decoded before it is used."""

    def __init__(self, guideline: Guideline, *, snapshots: bool = False) -> None:
        self.guideline = guideline
        self.snapshots = snapshots
        self.states: dict[str, State] = {}

    def receive(self, event: dict[str, Any], at: int, *, fails: bool = False, backlog: bool = False) -> EngineOutput:
        decoded = decode(json.dumps(event).encode())
        if isinstance(decoded, Refused):
            return EngineOutput(dead_letters=(decoded.reason,))
        assert not isinstance(decoded.event, Tick)
        judge = partial(failed_step if fails else step, at=at, backlog_at=at if backlog else None)
        return self._apply(decoded.event, decoded.implausible, judge)

    def _apply(
        self, event: PatientEventType, implausible: tuple[ImplausibleSignal, ...], judge: Callable[..., Step]
    ) -> EngineOutput:
        done = judge(self.guideline, self._state(event.patient_id), event, implausible)
        output = self._keep(event.patient_id, done)
        for forward in done.forwards:
            output += self._apply(forward, (), judge)
        return output

    def tick(self, at: int) -> EngineOutput:
        output = EngineOutput()
        for patient_id in list(self.states):
            done = step(self.guideline, self._state(patient_id), Tick(effective_at=to_datetime(at)))
            assert done.state.due_at is None or done.state.due_at > at, "after a tick nothing is due any more"
            output += self._keep(patient_id, done)
        return output

    def next_due(self) -> int | None:
        return min((s.due_at for s in self.states.values() if s.due_at is not None), default=None)

    def view(self, patient_id: str, at: int) -> PatientState:
        return view(self.guideline, self._state(patient_id), at)

    def _state(self, patient_id: str) -> State:
        state = self.states.get(patient_id) or fresh(patient_id)
        if self.snapshots:
            state = row.decode(row.encode(row.Row(row.VERSION, 0, row.EMPTY_DIGEST, state))).state
        return state

    def _keep(self, patient_id: str, done: Step) -> EngineOutput:
        self.states[patient_id] = done.state
        return EngineOutput(
            done.alerts, tuple(v.reason for v in done.verdicts), tuple(rejected.reason for rejected in done.rejected)
        )


def failed_step(
    guideline: Guideline, state: State, event: PatientEventType, implausible: object, *, at: object, backlog_at: object
) -> Step:
    """What the worker does when judging an event raises an exception."""
    return step_on_defect(guideline, state, event, at)  # type: ignore[arg-type]


GUIDELINES = {name: load(name) for name in ("house", "astct-2019")}


def engine_alone(profile: str) -> Engine:
    """The judgement alone."""
    return Engine(GUIDELINES[profile])


def engine_with_rows(profile: str) -> Engine:
    """The judgement, restored from stored rows before every event."""
    return Engine(GUIDELINES[profile], snapshots=True)
