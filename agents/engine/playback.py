"""Replays recorded events in order of arrival, with a tick at every time at which a patient is due in between.

One log clock serves all patients: the latest arrival so far. It never goes backward, so a late event does not move it.
Doses that a demonstration gives are planned ahead and applied at their time, between the ticks.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence

from agents.engine.patients import Judged, Patients
from monitor.step import ImplausibleSignal, JudgedEvent, PatientEventType
from monitor.units import LONG_AGO, to_datetime, to_ms
from schemas.events import Tick

Watcher = Callable[[Judged], None]
StillWanted = Callable[[], bool]


class Playback:
    """Advances log time for patients in memory. `clock`: log time, ms. Watchers get every judgement, in order."""

    def __init__(self, patients: Patients, watchers: Sequence[Watcher]) -> None:
        self.patients = patients
        self.clock = LONG_AGO
        self._watchers = tuple(watchers)
        self._planned: list[tuple[int, int, PatientEventType, StillWanted]] = []
        self._plans = 0

    def feed(self, event: JudgedEvent, implausible: tuple[ImplausibleSignal, ...] = ()) -> None:
        """Applies the next recorded event at its arrival; a recorded tick only moves the clock."""
        self.until(arrival(event))
        if not isinstance(event, Tick):
            self._notify(self.patients.apply(event, implausible))

    def plan(self, event: PatientEventType, still: StillWanted = lambda: True) -> None:
        """Plans an event for its own arrival. It is dropped if `still` gives False then."""
        self._plans += 1
        heapq.heappush(self._planned, (arrival(event), self._plans, event, still))

    def until(self, at: int) -> None:
        """Advances log time to `at` (ms): applies ticks and planned events that are due by then. Never goes back."""
        while True:
            due, planned = self.patients.next_due(), self._planned[0][0] if self._planned else None
            # At one instant the tick comes before the event, as it does in the log.
            if due is not None and due <= at and (planned is None or due <= planned):
                self._notify(self.patients.tick(Tick(effective_at=to_datetime(due))))
            elif planned is not None and planned <= at:
                self.clock = max(self.clock, planned)
                _, _, event, still = heapq.heappop(self._planned)
                if still():
                    self._notify(self.patients.apply(event))
            else:
                self.clock = max(self.clock, at)
                return

    def _notify(self, judged: list[Judged]) -> None:
        for one in judged:
            for watcher in self._watchers:
                watcher(one)


def arrival(event: JudgedEvent) -> int:
    """When an event arrived, ms: `received_at`, or `effective_at` if it has none."""
    received_at = None if isinstance(event, Tick) else event.received_at
    return to_ms(received_at or event.effective_at)
