"""Where stories are played: the engine alone, with a restart between any two events, or the stream's own shard."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple, Protocol
from unittest.mock import patch

from agents.shard import Forward, Outcome, Shard
from monitor import row
from monitor.guideline import Guideline, load
from monitor.instant import MINUTE, to_datetime
from monitor.state import State, fresh
from monitor.step import Implausible, PatientEventType, Step, step
from monitor.unjudged import unjudged
from monitor.view import view
from schemas.alerts import Alert
from schemas.decode import Refused, decode
from schemas.events import Tick
from schemas.state import PatientState

TICKS_APART = 2 * MINUTE


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
        implausible = tuple(Implausible(*one) for one in decoded.implausible)
        judge = partial(unjudged_step if fails else step, at=to_datetime(at), backlog_at=at if backlog else None)
        return self._apply(decoded.event, implausible, judge)

    def _apply(self, event: PatientEventType, implausible: tuple[Implausible, ...], judge: Callable[..., Step]) -> Said:
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
    return unjudged(guideline, state, event, at)  # type: ignore[arg-type]


class Clock:
    """A clock that ticks every other minute, whether or not anything is due, and whenever something is.

    The real one ticks every second; this is as slow as a log may be without looking as if we had been down.
    """

    def __init__(self) -> None:
        self._at: int | None = None

    def passes(self, at: int) -> None:
        """Time has come this far."""
        self._at = at if self._at is None else max(at, self._at)

    def next_tick(self, due: int | None) -> int | None:
        """The next tick anyway, or what is due before it."""
        anyway = None if self._at is None else self._at - self._at % TICKS_APART + TICKS_APART
        return min((at for at in (due, anyway) if at is not None), default=None)


class Ticking(Engine):
    """The engine with ticks at which nothing is due; it must come to the same."""

    def __init__(self, guideline: Guideline) -> None:
        super().__init__(guideline)
        self.clock = Clock()

    def receive(self, event: dict[str, Any], at: int, **how: bool) -> Said:
        self.clock.passes(at)
        return super().receive(event, at, **how)

    def tick(self, at: int) -> Said:
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


class Stream:
    """The shard that watch folds its partition of the log with, fed record by record, with the log's own ticks."""

    def __init__(self, guideline: Guideline) -> None:
        self.guideline = guideline
        self.shard = Shard(guideline, 0, "crs.patient-events")
        self.clock = Clock()

    def receive(self, event: dict[str, Any], at: int, *, fails: bool = False, backlog: bool = False) -> Said:
        self.clock.passes(at)
        if not fails:
            return self._append(event["patient_id"].encode(), json.dumps(event).encode(), at)
        with patch("agents.folding.step", side_effect=ArithmeticError("planted")):
            return self._append(event["patient_id"].encode(), json.dumps(event).encode(), at)

    def tick(self, at: int) -> Said:
        self.clock.passes(at)
        return self._append(None, Tick(effective_at=to_datetime(at)).model_dump_json().encode(), at)

    def next_due(self) -> int | None:
        due = min((s.due_at for s in self.shard.fold.states.values() if s.due_at is not None), default=None)
        return self.clock.next_tick(due)

    def view(self, patient_id: str, at: int) -> PatientState:
        return view(self.guideline, self.shard.fold.states.get(patient_id) or fresh(patient_id), at)

    def _append(self, key: bytes | None, value: bytes, at: int) -> Said:
        outcome = self.shard.apply([Record(self.shard.next_offset, at, key, value)])
        said = _said(outcome)
        for forward in outcome.forwards:
            said += self._forwarded(forward, at)
        return said

    def _forwarded(self, forward: Forward, at: int) -> Said:
        """Watch writes what a merge sends on to the end of the log."""
        return self._append(forward.patient_id.encode(), forward.value, at)


def _said(outcome: Outcome) -> Said:
    return Said(
        tuple(told.alert for told in outcome.alerts),
        tuple(outcome.verdicts),
        tuple(letter.letter.reason for letter in outcome.letters),
    )


GUIDELINES = {name: load(name) for name in ("house", "astct-2019")}


def engine(profile: str) -> Engine:
    """The engine alone."""
    return Engine(GUIDELINES[profile])


def engine_with_rows(profile: str) -> Engine:
    """The engine, restarted from the table's rows between any two events."""
    return Engine(GUIDELINES[profile], snapshots=True)


def stream(profile: str) -> Stream:
    """One partition of the stream."""
    return Stream(GUIDELINES[profile])


def engine_that_ticks(profile: str) -> Ticking:
    """The engine, with ticks at which nothing is due."""
    return Ticking(GUIDELINES[profile])
