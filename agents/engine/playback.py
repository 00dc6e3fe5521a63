"""Plays recorded events to the ward as time would have: before each event, a tick at every due time up to its arrival.

There is one log clock for all patients: the latest arrival so far. It never goes backward, so an event that came late
finds it where it is. Doses that a demonstration gives are planned ahead and take their turn between the ticks.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence

from agents.engine.patients import Judged, Patients
from monitor.step import ImplausibleSignal, JudgedEvent, PatientEventType
from monitor.units.instants import LONG_AGO, to_datetime, to_ms
from schemas.events import Tick

Watcher = Callable[[Judged], None]
Still = Callable[[], bool]


class Playback:
    """Time, for a ward in memory. `clock`: log time so far, ms. Every watcher sees every judgement, in order."""

    def __init__(self, fold: Patients, watchers: Sequence[Watcher]) -> None:
        self.fold = fold
        self.clock = LONG_AGO
        self._watchers = tuple(watchers)
        self._planned: list[tuple[int, int, PatientEventType, Still]] = []
        self._plans = 0

    def feed(self, event: JudgedEvent, implausible: tuple[ImplausibleSignal, ...] = ()) -> None:
        """The next event of the log; a recorded tick only moves the clock."""
        self.until(arrival(event))
        if not isinstance(event, Tick):
            self._tell(self.fold.apply(event, implausible))

    def plan(self, event: PatientEventType, still: Still = lambda: True) -> None:
        """An event that will arrive in its own time, if it is `still` to happen then."""
        self._plans += 1
        heapq.heappush(self._planned, (arrival(event), self._plans, event, still))

    def until(self, at: int) -> None:
        """Time goes on to `at`, never back."""
        while True:
            due, planned = self.fold.next_due(), self._planned[0][0] if self._planned else None
            # At one instant the tick comes before the event, as it does in the log.
            if due is not None and due <= at and (planned is None or due <= planned):
                self._tell(self.fold.tick(Tick(effective_at=to_datetime(due))))
            elif planned is not None and planned <= at:
                self.clock = max(self.clock, planned)
                _, _, event, still = heapq.heappop(self._planned)
                if still():
                    self._tell(self.fold.apply(event))
            else:
                self.clock = max(self.clock, at)
                return

    def _tell(self, judged: list[Judged]) -> None:
        for one in judged:
            for watcher in self._watchers:
                watcher(one)


def arrival(event: JudgedEvent) -> int:
    """When we could first know of an event, ms: when it was received, else when it was true."""
    received_at = None if isinstance(event, Tick) else event.received_at
    return to_ms(received_at or event.effective_at)
