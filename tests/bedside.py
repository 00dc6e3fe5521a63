"""A log for tests: events in, ticks at due times, and the engine's alerts and states kept for inspection."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import Any

from monitor.guidelines.in_force import Guideline, load
from monitor.model import State, fresh
from monitor.patient_view import view
from monitor.record import row
from monitor.step import ImplausibleSignal, Rejected, step
from monitor.units import to_datetime
from schemas.alerts import Alert
from schemas.decode import decode
from schemas.decoded import Decoded
from schemas.events import PatientEventType, Tick
from schemas.state import PatientState
from schemas.system_records import Story
from tests.oracle import MINUTE, AxisOpinion, Charted, Clinical, instant

GUIDELINES = {name: load(name) for name in ("house", "astct-2019")}


class Log:
    """Patients' events in log order, as the stream would feed them.

    `snapshots`: every state goes through its row, to bytes and back, before each event.
    `tick_every_ms`: ticks of a fixed step; without it one tick at each due time, which must come to the same.
    """

    def __init__(self, profile: str = "house", *, snapshots: bool = False, tick_every_ms: int | None = None) -> None:
        self.guideline: Guideline = GUIDELINES[profile]
        self.snapshots = snapshots
        self.tick_every_ms = tick_every_ms
        self.at = 0
        self.states: dict[str, State] = {}
        self.alerts: dict[str, list[Alert]] = defaultdict(list)
        self.verdicts: Counter[str] = Counter()
        self.rejected: list[Rejected] = []

    def receive(self, event: Charted, at: int, implausible: tuple[ImplausibleSignal, ...] = ()) -> list[Alert]:
        """Ticks up to the arrival, then the event; gives the alerts of the event alone."""
        self.tick_until(at)
        before = len(self.alerts[event.patient_id])
        self.apply(event, implausible)
        return self.alerts[event.patient_id][before:]

    def apply(
        self, event: PatientEventType, implausible: tuple[ImplausibleSignal, ...] = (), *, backlog: bool = False
    ) -> None:
        """One event at the log's own time, and what it forwards to another patient; `backlog`: it had to wait."""
        patient_id, backlog_at = event.patient_id, self.at if backlog else None
        done = step(self.guideline, self.state(patient_id), event, implausible, at=self.at, backlog_at=backlog_at)
        self.states[patient_id] = done.state
        self.alerts[patient_id] += done.alerts
        self.verdicts.update(verdict.reason for verdict in done.verdicts)
        self.rejected += done.rejected
        for forward in done.forwards:
            self.apply(forward)

    def state(self, patient_id: str) -> State:
        state = self.states.get(patient_id) or fresh(patient_id)
        if self.snapshots:
            state = row.decode(row.encode(row.Row(row.VERSION, 0, row.EMPTY_DIGEST, state))).state
        return state

    def tick_until(self, at: int) -> None:
        """Ticks up to `at` (ms); the clock never goes back."""
        if self.tick_every_ms is not None:
            first = self.at - self.at % self.tick_every_ms + self.tick_every_ms if self.at else at
            for tick_at in range(first, at + 1, self.tick_every_ms):
                self.tick(tick_at)
        else:
            while (due := min((s.due_at for s in self.states.values() if s.due_at is not None), default=at + 1)) <= at:
                self.tick(max(due, self.at))
        self.at = max(self.at, at)

    def tick(self, at: int) -> None:
        self.at = max(self.at, at)
        for patient_id in list(self.states):
            self.tick_one(patient_id, at)

    def tick_one(self, patient_id: str, at: int) -> None:
        state = self.state(patient_id)
        if state.due_at is None or state.due_at > at:
            return
        done = step(self.guideline, state, Tick(effective_at=to_datetime(at)))
        assert done.state.due_at is None or done.state.due_at > at, "a tick must settle what was due"
        self.states[patient_id] = done.state
        self.alerts[patient_id] += done.alerts
        self.verdicts.update(verdict.reason for verdict in done.verdicts)

    def view(self, patient_id: str) -> PatientState:
        return view(self.guideline, self.state(patient_id), self.at)


def as_received(event: Mapping[str, Any]) -> tuple[Charted, int, tuple[ImplausibleSignal, ...]] | None:
    """A contract event as the intake would pass it on: the event, its arrival, what was taken out of it."""
    decoded = decode(json.dumps(event).encode())
    if not isinstance(decoded, Decoded):
        return None
    assert not isinstance(decoded.event, Tick | Story), "a feed brings neither"
    arrived = decoded.event.received_at or decoded.event.effective_at
    return decoded.event, instant(arrived), decoded.implausible


def differences(state: PatientState, opinion: Clinical) -> list[str]:
    """Where the engine's state and the oracle's opinion part, as `field: engine … oracle …`."""
    tocilizumab = state.tocilizumab
    pairs: dict[str, tuple[object, object]] = {
        "grade": (state.grade, opinion.grade),
        "astct_grade": (state.astct_grade, opinion.astct_grade),
        "grade_basis": (state.grade_basis, opinion.grade_basis),
        "fever": (None if state.axes.fever.grade is None else bool(state.axes.fever.grade), opinion.fever),
        "episode": (state.episode, opinion.episode),
        "onset_at": (state.onset_at and instant(state.onset_at), opinion.onset_at),
        "peak_grade": (state.peak_grade, opinion.peak_grade),
        "count_24h": (tocilizumab.count_24h, opinion.count_24h),
        "count_total": (tocilizumab.count_total, opinion.count_total),
        "last_at": (tocilizumab.last_at and instant(tocilizumab.last_at), opinion.last_at),
        "next_eligible_at": (
            tocilizumab.next_eligible_at and instant(tocilizumab.next_eligible_at),
            opinion.next_eligible_at,
        ),
        "blocked_by": (tocilizumab.blocked_by, opinion.blocked_by),
    }
    found = [f"{name}: engine {engine} oracle {oracle}" for name, (engine, oracle) in pairs.items() if engine != oracle]
    axes = (axis_parts(state, "hypotension", opinion.hypotension), axis_parts(state, "hypoxia", opinion.hypoxia))
    found += [parting for parting in axes if parting]
    if not same_dose(tocilizumab.dose_mg, opinion):
        found.append(f"dose_mg: engine {tocilizumab.dose_mg} oracle {opinion.dose_mg}")
    return found


def same_dose(dose_mg: float | None, opinion: Clinical) -> bool:
    """A recommended dose is printed to the milligram."""
    if dose_mg is None or opinion.dose_mg is None:
        return dose_mg is None and opinion.dose_mg is None
    return abs(dose_mg - float(opinion.dose_mg)) <= 0.51


def axis_parts(state: PatientState, name: str, opinion: AxisOpinion) -> str | None:
    """An axis parts by its grade, or by its beginning: to the minute, which is how long a reading may wait to count.

    Since when nothing was wrong, nobody asks.
    """
    axis = getattr(state.axes, name)
    found = axis.grade is not None and axis.grade >= 2
    since = instant(axis.since) if found and axis.since else None
    later = found and opinion.since is not None and since is not None and not 0 <= since - opinion.since <= MINUTE
    if axis.grade == opinion.grade and not later:
        return None
    return f"{name}: engine {axis.grade} since {since} oracle {opinion.grade} since {opinion.since}"
