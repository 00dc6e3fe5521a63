"""Where stories are played: the engine alone, or with a restart from the table's row between any two events."""

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
from monitor.units.instants import to_datetime
from schemas.alerts import Alert
from schemas.decode import Refused, decode
from schemas.events import Tick
from schemas.state import PatientState


class Said(NamedTuple):
    """What came of one event or tick."""

    alerts: tuple[Alert, ...] = ()
    verdicts: tuple[str, ...] = ()
    dead_letters: tuple[str, ...] = ()

    def __add__(self, other: object) -> Said:
        assert isinstance(other, Said)
        return Said(self.alerts + other.alerts, self.verdicts + other.verdicts, self.dead_letters + other.dead_letters)


class Stage(Protocol):
    """What can play a story: events and ticks in, what is said out."""

    def receive(self, event: dict[str, Any], at: int, *, fails: bool = False, backlog: bool = False) -> Said:
        """One event as JSON would carry it, received at a log time.

        `fails`: our own program breaks on it. `backlog`: it had waited because we were down.
        """

    def tick(self, at: int) -> Said:
        """Time has come this far."""

    def next_due(self) -> int | None:
        """When time alone will next change something."""

    def view(self, patient_id: str, at: int) -> PatientState:
        """How a patient stands."""


class Engine:
    """The engine alone. `snapshots`: each state goes to bytes and back before it is used."""

    def __init__(self, guideline: Guideline, *, snapshots: bool = False) -> None:
        self.guideline = guideline
        self.snapshots = snapshots
        self.states: dict[str, State] = {}

    def receive(self, event: dict[str, Any], at: int, *, fails: bool = False, backlog: bool = False) -> Said:
        decoded = decode(json.dumps(event).encode())
        if isinstance(decoded, Refused):
            return Said(dead_letters=(decoded.reason,))
        assert not isinstance(decoded.event, Tick)
        implausible = tuple(ImplausibleSignal(*one) for one in decoded.implausible)
        judge = partial(unjudged_step if fails else step, at=to_datetime(at), backlog_at=at if backlog else None)
        return self._apply(decoded.event, implausible, judge)

    def _apply(
        self, event: PatientEventType, implausible: tuple[ImplausibleSignal, ...], judge: Callable[..., Step]
    ) -> Said:
        done = judge(self.guideline, self._state(event.patient_id), event, implausible)
        said = self._keep(event.patient_id, done)
        for forward in done.forwards:
            said += self._apply(forward, (), judge)
        return said

    def tick(self, at: int) -> Said:
        said = Said()
        for patient_id in list(self.states):
            done = step(self.guideline, self._state(patient_id), Tick(effective_at=to_datetime(at)))
            assert done.state.due_at is None or done.state.due_at > at, "a tick settles what was due"
            said += self._keep(patient_id, done)
        return said

    def next_due(self) -> int | None:
        return min((s.due_at for s in self.states.values() if s.due_at is not None), default=None)

    def view(self, patient_id: str, at: int) -> PatientState:
        return view(self.guideline, self._state(patient_id), at)

    def _state(self, patient_id: str) -> State:
        state = self.states.get(patient_id) or fresh(patient_id)
        if self.snapshots:
            state = row.decode(row.encode(row.Row(row.VERSION, 0, row.EMPTY_DIGEST, state))).state
        return state

    def _keep(self, patient_id: str, done: Step) -> Said:
        self.states[patient_id] = done.state
        return Said(
            done.alerts, tuple(v.reason for v in done.verdicts), tuple(rejected.reason for rejected in done.rejected)
        )


def unjudged_step(
    guideline: Guideline, state: State, event: PatientEventType, implausible: object, *, at: object, backlog_at: object
) -> Step:
    """What the shell does when judging an event has failed."""
    return step_on_defect(guideline, state, event, at)  # type: ignore[arg-type]


GUIDELINES = {name: load(name) for name in ("house", "astct-2019")}


def engine(profile: str) -> Engine:
    """The engine alone."""
    return Engine(GUIDELINES[profile])


def engine_with_rows(profile: str) -> Engine:
    """The engine, restarted from the table's rows between any two events."""
    return Engine(GUIDELINES[profile], snapshots=True)
