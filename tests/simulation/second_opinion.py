"""The oracle asked after every event of a long story, without walking through the whole record each time.

A walk that stood before an event's instant can be gone on with; only what rewrites the past starts anew.
"""

from __future__ import annotations

import heapq

from schemas.events import Patient
from tests.oracle import FEED_AHEAD, Charted, Clinical, Received, Walk, begin, instant

FORKS_KEPT = 12


class SecondOpinion:
    """The oracle on one patient, as far as the record is known. Instants asked for must not go backward by much."""

    def __init__(self, profile: str) -> None:
        self.profile = profile
        self.record: list[Received] = []
        self._known: set[str] = set()
        self._walk: Walk = begin([], profile)
        self._forks: list[tuple[int, Walk]] = []  # a walk as it stood after an instant

    def receive(self, event: Charted, at: int) -> None:
        """One more entry of the record."""
        self.record.append(Received(event, at))
        repeated = event.event_id in self._known
        if repeated or instant(event.effective_at) > at + FEED_AHEAD:
            return
        self._known.add(event.event_id)
        starts_treatment = isinstance(event, Patient) and event.infused_at is not None
        if event.replaces is not None or event.status == "entered_in_error" or starts_treatment:
            self._start_anew()
        else:
            self._insert(event)

    def take_over(self, other: SecondOpinion) -> None:
        """Another record turns out to be this patient's too."""
        self.record = sorted((*self.record, *other.record), key=lambda one: one.at)
        self._known |= other._known
        self._start_anew()

    def at(self, at: int) -> Clinical:
        """The state at an instant, given the record so far."""
        while self._forks and self._forks[-1][0] >= at:
            self._forks.pop()
        before = self._forks[-1][1] if self._forks else begin(self.record, self.profile)
        self._walk = before.fork()
        opinion = self._walk.go_on(at)
        self._forks = [*self._forks[-FORKS_KEPT + 1 :], (at, self._walk.fork())]
        return opinion

    def _start_anew(self) -> None:
        self._forks = []

    def _insert(self, event: Charted) -> None:
        """The entry finds its place; walks that had gone past it are given up."""
        at = instant(event.effective_at)
        self._forks = [(until, walk) for until, walk in self._forks if until < at]
        if not self._forks:
            return
        facts = self._forks[-1][1].facts
        facts[at].append(event)
        facts[at].sort(key=lambda fact: getattr(fact, "event_id", ""))
        for _, walk in self._forks:
            heapq.heappush(walk.agenda, at)
