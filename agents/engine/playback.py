"""Recorded events as the log of one partition: in order of arrival, with a tick wherever a patient is due in between.

One log clock serves all patients: the latest arrival so far. It never goes backward, so a late event does not move it.
What a merge forwards is appended at once. Doses that a demonstration gives are planned ahead and appended at their
time, between the ticks. A recording has no downtime, so nothing in it is a backlog (ticks.py).
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from typing import NamedTuple

from agents.engine.log_time import NO_DOWNTIME
from agents.engine.outcome import Forward, KeyedDeadLetter, Outcome
from agents.engine.partition import Partition, Watcher
from agents.engine.records import LOG_APPEND_TIME
from monitor.guidelines.in_force import Guideline
from monitor.step import PatientEventType
from monitor.units import LONG_AGO, to_datetime, to_ms
from schemas.decoded import Decoded, Refused
from schemas.events import JudgedEvent, Tick

StillWanted = Callable[[], bool]


class PlayedRecord(NamedTuple):
    """A record of a log that is in memory only."""

    offset: int
    timestamp: int
    value: bytes | None
    key: bytes | None = None

    @property
    def timestamp_type(self) -> int:
        """Whose clock the timestamp is: the broker's."""
        return LOG_APPEND_TIME


class Playback:
    """Advances log time for the patients of a recording. `clock`: log time, ms. Watchers get every judgement."""

    def __init__(self, guideline: Guideline, watchers: Sequence[Watcher] = ()) -> None:
        self.partition = Partition(guideline, 0, "", ticks=NO_DOWNTIME, watchers=watchers)
        self.patients = self.partition.patients
        self.clock = LONG_AGO
        self._outcome = Outcome()  # made anew when it has grown: watchers have seen what is in it
        self._planned: list[tuple[int, int, PatientEventType, StillWanted]] = []
        self._plans = 0

    def feed(self, decoded: Decoded | Refused, value: bytes | None) -> Sequence[KeyedDeadLetter]:
        """Appends the next recorded message at its arrival; gives the dead letters of it and of what it forwards.

        A recorded tick only moves the clock. `value`: the message as it was decoded.
        """
        at = max(self.clock, 0)
        if isinstance(decoded, Decoded):
            at = arrival(decoded.event)
            self.until(at)
        if isinstance(decoded, Refused) or not isinstance(decoded.event, Tick):
            self._append(decoded, value, at, self._outcome)
        outcome = self._outcome
        if outcome.alerts or outcome.letters:
            self._outcome = Outcome()
        return outcome.letters

    def plan(self, event: PatientEventType, still: StillWanted = lambda: True) -> None:
        """Plans an event for its own arrival. It is dropped if `still` gives False then."""
        self._plans += 1
        heapq.heappush(self._planned, (arrival(event), self._plans, event, still))

    def until(self, at: int) -> None:
        """Advances log time to `at` (ms): appends ticks and planned events that are due by then. Never goes back."""
        while True:
            due, planned = self.patients.next_due(), self._planned[0][0] if self._planned else None
            # At one instant the tick comes before the event, as it does in the log.
            if due is not None and due <= at and (planned is None or due <= planned):
                self._append(Decoded(Tick(effective_at=to_datetime(due))), None, due, self._outcome)
            elif planned is not None and planned <= at:
                self.clock = max(self.clock, planned)
                _, _, event, still = heapq.heappop(self._planned)
                if still():
                    self._append(Decoded(event), None, planned, Outcome())
            else:
                self.clock = max(self.clock, at)
                return

    def _append(self, decoded: Decoded | Refused, value: bytes | None, at: int, outcome: Outcome) -> None:
        """Applies a record, then what it forwards to other patients, which the worker would append to the log."""
        partition = self.partition
        partition.apply_decoded(PlayedRecord(partition.next_offset, at, value), decoded, outcome)
        followed = 0
        while outcome.forwards:
            followed += 1
            assert followed <= len(partition.positions) + 2, "a merge comes to an end"
            forward = outcome.forwards.pop(0)
            record = PlayedRecord(partition.next_offset, arrival(forward.event), forward.value)
            partition.apply_decoded(record, redirected(forward, decoded), outcome)


def redirected(forward: Forward, source: Decoded | Refused) -> Decoded:
    """What a merge forwards because of `source`. An event that is only redirected keeps its implausible signals."""
    assert isinstance(source, Decoded), "what is refused forwards nothing"
    same = not isinstance(source.event, Tick) and forward.event.event_id == source.event.event_id
    return Decoded(forward.event, source.implausible if same else ())


def arrival(event: JudgedEvent) -> int:
    """When an event arrived, ms: `received_at`, or `effective_at` if it has none."""
    received_at = None if isinstance(event, Tick) else event.received_at
    return to_ms(received_at or event.effective_at)
