"""Judges events for the patients of a log: an event for its patient, a tick for those who are due, defects kept apart.

partition.py goes this way from a decoded message to its judgement and its dead letters:

    result = decoded if isinstance(decoded, Refused) else patients.judge(event.patient_id, event, implausible, known)
    letters = dead_letters(result, value, origin)

Nothing here reads a clock: ticks come from the log, or from a replay (playback.py).
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from traceback import extract_tb
from typing import NamedTuple

from agents.engine.log_time import LogTime
from monitor.defect import step_on_defect
from monitor.guidelines.in_force import Guideline
from monitor.model import State, fresh
from monitor.step import ImplausibleSignal, Step, step
from monitor.units import to_ms
from schemas.dead_letters import DeadLetter, Origin, dead_letter
from schemas.decoded import Refused
from schemas.events import JudgedEvent, Tick

STALE_ENTRIES_KEPT = 1024


class Judged(NamedTuple):
    """What one event did to one patient. `defect`: kind and place of the exception, if judging failed."""

    patient_id: str
    event: JudgedEvent
    before: State
    step: Step
    defect: str | None = None


class Patients:
    """All patients of a log, or of one partition of it, with a heap of the times at which they are due.

    `states`: the last state by patient id. `defects`: how often judging failed, by kind and place of the exception.
    """

    def __init__(self, guideline: Guideline, states: dict[str, State] | None = None) -> None:
        self.guideline = guideline
        self.states: dict[str, State] = {} if states is None else states
        self.defects: Counter[str] = Counter()
        self._due: list[tuple[int, str]] = []
        self._rebuild_heap()

    def due(self, at: int) -> Iterator[str]:
        """Patients due at or before `at` (ms), the longest due first. Each must be judged before the next is taken."""
        while (due := self.next_due()) is not None and due <= at:
            yield heapq.heappop(self._due)[1]

    def requeue(self, patient_id: str) -> None:
        """Puts a patient back whom `due` gave and who was not judged."""
        due_at = self.states[patient_id].due_at
        if due_at is not None:
            heapq.heappush(self._due, (due_at, patient_id))

    def next_due(self) -> int | None:
        """The earliest time (ms) at which a patient is due; None: nobody is."""
        while self._due:
            due, patient_id = self._due[0]
            if self.states[patient_id].due_at == due:
                return due
            heapq.heappop(self._due)
        return None

    def judge(
        self,
        patient_id: str,
        event: JudgedEvent,
        implausible: tuple[ImplausibleSignal, ...] = (),
        known: LogTime | None = None,
        backlog_at: int | None = None,
    ) -> Judged:
        """Judges one event for one patient. What it forwards to others is in the step, for the caller to follow.

        `known`: when it arrived, by default at its own time. `backlog_at`: when it was read (ms), if it had to wait
        because no worker was running.
        Never raises: if judging fails, the patient gets the alert `unmonitored`, and `Judged.defect` says where.
        """
        before = self.states.get(patient_id) or fresh(patient_id)
        place = None
        try:
            at, is_ahead = known or (None, False)
            done = step(self.guideline, before, event, implausible, at=at, is_ahead=is_ahead, backlog_at=backlog_at)
            assert not isinstance(event, Tick) or settled(done.state, event), "a tick settles what was due"
        except Exception as defect:  # A bug of ours, whatever it is. The other patients must still be judged.
            place = defect_location(defect)
            self.defects[place] += 1
            done = step_on_defect(self.guideline, before, event, known.at if known else None)
        self.states[patient_id] = done.state
        if done.state.due_at is not None and done.state.due_at != before.due_at:
            heapq.heappush(self._due, (done.state.due_at, patient_id))
            if len(self._due) > 2 * len(self.states) + STALE_ENTRIES_KEPT:
                self._rebuild_heap()
        return Judged(patient_id, event, before, done, place)

    def _rebuild_heap(self) -> None:
        """Builds the heap of due times again, without entries that no longer hold."""
        self._due = [
            (state.due_at, patient_id) for patient_id, state in self.states.items() if state.due_at is not None
        ]
        heapq.heapify(self._due)


def settled(state: State, tick: Tick) -> bool:
    """Whether the patient is no longer due at the tick; otherwise `due` would never end."""
    return state.due_at is None or state.due_at > to_ms(tick.effective_at)


def defect_location(defect: Exception) -> str:
    """Kind and place of an exception (file, line, function), without its message: that may quote patient data."""
    last = extract_tb(defect.__traceback__)[-1]
    return f"{type(defect).__name__} in {Path(last.filename).name}:{last.lineno} {last.name}"


def refusals(result: Refused | Judged) -> tuple[Refused, ...]:
    """Why a message, or a part of it, was not used. Empty: all of it was."""
    if isinstance(result, Refused):
        return (result,)
    return tuple(Refused(rejected.reason, rejected.detail) for rejected in result.step.rejected)


def dead_letters(result: Refused | Judged, payload: bytes | None, origin: Origin) -> tuple[DeadLetter, ...]:
    """One dead letter for each refusal."""
    return tuple(dead_letter(one.reason, one.detail, payload, origin) for one in refusals(result))
