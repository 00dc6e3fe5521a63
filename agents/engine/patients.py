"""Judges events for the patients of a log: an event for its patient, a tick for those who are due, defects kept apart.

Nothing here reads a clock: ticks come from the log, or from a replay (playback.py).
"""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from traceback import extract_tb
from typing import Literal, NamedTuple

from agents.engine.log_time import LogTime
from monitor.defect import step_on_defect
from monitor.guidelines.in_force import Guideline
from monitor.model import Oxygen, State, fresh
from monitor.record.identity import KnownIds
from monitor.step import SAME, ImplausibleSignal, Step, step
from monitor.units import to_ms
from monitor.verdicts import Reason
from schemas.events import JudgedEvent, Tick

STALE_ENTRIES_KEPT = 1024
Disposition = Literal["applied", "duplicate", "late", "forwarded", "dead_letter", "tick", "skipped"]
# The verdicts that decide the disposition of an event; with none of them it was applied.
DISPOSITIONS: Mapping[Reason, Disposition] = {
    "duplicate": "duplicate",
    "late": "late",
    "too_late": "late",
    "forwarded": "forwarded",
    "merged": "forwarded",
    "from_the_future": "dead_letter",
    "defect": "dead_letter",
    "id_reused": "dead_letter",
    "ambiguous_id": "dead_letter",
    "merge_not_undone": "dead_letter",
}


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
        self._known_ids: defaultdict[str, KnownIds] = defaultdict(KnownIds)
        self._due: list[tuple[int, str]] = []
        self._rebuild_heap()

    def due(self, at: int) -> Iterator[str]:
        """Patients due at or before `at` (ms), the longest due first. Each must be judged before the next is taken."""
        while (due := self.next_due()) is not None and due <= at:
            yield heapq.heappop(self._due)[1]

    def requeue(self, patient_id: str) -> None:
        """Puts a patient in the heap whose due time changed, or whom `due` gave and who was not judged."""
        due_at = self.states[patient_id].due_at
        if due_at is not None:
            heapq.heappush(self._due, (due_at, patient_id))
            if len(self._due) > 2 * len(self.states) + STALE_ENTRIES_KEPT:
                self._rebuild_heap()

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
            done = self._step(before, event, implausible, known, backlog_at)
        except Exception as defect:  # A bug of ours, whatever it is. The other patients must still be judged.
            place = defect_location(defect)
            self.defects[place] += 1
            done = step_on_defect(self.guideline, before, event, known.at if known else None)
        self.states[patient_id] = done.state
        if done.state.due_at != before.due_at:
            self.requeue(patient_id)
        return Judged(patient_id, event, before, done, place)

    def _step(
        self,
        before: State,
        event: JudgedEvent,
        implausible: tuple[ImplausibleSignal, ...],
        known: LogTime | None,
        backlog_at: int | None,
    ) -> Step:
        at, is_ahead = known or (None, False)
        ids = self._known_ids[before.patient_id]
        when = {"at": at, "backlog_at": backlog_at}
        done = step(self.guideline, before, event, implausible, is_ahead=is_ahead, known_ids=ids, **when)
        assert not isinstance(event, Tick) or settled(done.state, event), "a tick settles what was due"
        return done

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


def disposition(judged: Judged) -> Disposition:
    """The disposition of an event, by the first of its verdicts that decides one."""
    if judged.step.verdicts is SAME:
        return "applied"
    for verdict in judged.step.verdicts:
        if verdict.reason in DISPOSITIONS:
            return DISPOSITIONS[verdict.reason]
    return "applied"


def clinically_changed(judged: Judged) -> bool:
    """Whether the patient's state should be published at once: an alert, or a change beyond another like reading."""
    if judged.step.alerts:
        return True
    before, after = judged.before.course, judged.step.state.course
    return not (
        before.held is after.held
        and (
            before.episode is after.episode
            or before.episode == after.episode._replace(fever_at=before.episode.fever_at)
        )
        and before.doses is after.doses
        and before.infusions is after.infusions
        and (before.oxygen is after.oxygen or support(before.oxygen) == support(after.oxygen))
        and before.hypotension is after.hypotension
        and before.hypoxia is after.hypoxia
        and before.context is after.context
    )


def support(oxygen: Oxygen | None) -> tuple[object, ...]:
    """The patient's oxygen support, without the time at which it was charted."""
    return () if oxygen is None else (oxygen.device, oxygen.flow, oxygen.fio2)


def alert_delays(judged: Judged) -> tuple[list[int], list[tuple[str, int]]]:
    """ms from raising to acknowledgement, and (kind, ms) from raising to resolution, of alerts that got there now."""
    open_before = {alert.alert_id: alert for alert in judged.before.alerts.open}
    at = judged.step.state.clock
    acknowledged: list[int] = []
    resolved: list[tuple[str, int]] = []
    for alert in judged.step.alerts:
        before = open_before.get(alert.alert_id)
        if before is None:
            continue
        if alert.status == "resolved":
            resolved.append((before.kind, at - before.raised_at))
        elif alert.acknowledged_at is not None and before.acknowledged_at is None:
            acknowledged.append(at - before.raised_at)
    return acknowledged, resolved
