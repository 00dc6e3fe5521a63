"""What is played, and when: the stays side by side and one scripted patient, on a clock of their own that runs fast.

The clock of the story begins at the present hour and runs ahead of ours, so eight hours between doses pass in seconds
and all rules hold as at a bedside. Every event says when it was received on that clock; ticks on the same clock follow.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import count

from agents.demo import scripted
from agents.platform.json_types import Json
from agents.simulation.story import TimedEvent, to_iso, to_ms
from monitor.units import HOUR

# Not all stays begin in the same minute.
ADMISSIONS_OVER_MS = 6 * HOUR


@dataclass(slots=True)
class Schedule:
    """Events by the time of the story; more may be put in while it runs. `ends`: when the story is over, ms."""

    begins: int
    ends: int
    _waiting: list[tuple[int, int, Json]] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=count)

    def add(self, at: int, event: Json) -> None:
        """One event, that is received at an instant of the story."""
        heapq.heappush(self._waiting, (at, next(self._numbers), event | {"received_at": to_iso(at)}))

    def due(self, at: int) -> Iterator[Json]:
        """What is to be sent by now, in order."""
        while self._waiting and self._waiting[0][0] <= min(at, self.ends):
            yield heapq.heappop(self._waiting)[2]

    def left(self) -> int:
        """How many events are still to be sent."""
        return sum(at <= self.ends for at, _, _ in self._waiting)


def schedule(stays: Iterable[Json], begins: int, hours: int) -> Schedule:
    """The first hours of each stay, and the scripted patient."""
    played = Schedule(begins, begins + ADMISSIONS_OVER_MS + hours * HOUR)
    for due in shifted(stays, begins, hours):
        played.add(due.at_ms, due.event)
    for event in scripted.story(begins):
        played.add(to_ms(event["effective_at"]), event)
    return played


def shifted(stays: Iterable[Json], begins: int, hours: int) -> Iterator[TimedEvent]:
    """Each stay from its first event on, at its own speed, as if admitted in the first hours of the story."""
    first: dict[str, tuple[int, int]] = {}
    events = list(stays)
    patients = len({event["patient_id"] for event in events})
    for event in events:
        at = to_ms(event["effective_at"])
        admitted, number = first.setdefault(event["patient_id"], (at, len(first)))
        since = at - admitted
        if since <= hours * HOUR:
            moved = begins + number * ADMISSIONS_OVER_MS // patients + since
            # A date of birth is as shifted as the stay was: moved again, it would mislead.
            kept = {name: value for name, value in event.items() if name != "birth_date"}
            yield TimedEvent(moved, kept | {"effective_at": to_iso(moved)})
