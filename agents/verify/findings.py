"""What a check found: every breach counted by kind, the first one kept with its place in the log."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

BreachKind = Literal[
    "alert_missing",
    "alert_phantom",
    "alert_altered",
    "alert_out_of_order",
    "event_lost",
    "letter_missing",
    "letter_phantom",
    "row_missing",
    "row_phantom",
    "row_differs",
    "row_unreadable",
    "state_missing",
    "state_phantom",
    "state_differs",
    "state_outdated",
    "marker_behind",
    "marker_ahead",
    "ledger_differs",
]
Invariant = Literal["I1", "I2", "I3", "I5", "I7"]
# Which promise a breach breaks. I4, I6 and I8 are about pagers and about time; they are not checked here.
INVARIANTS: dict[BreachKind, Invariant] = {
    "event_lost": "I1",
    "letter_missing": "I1",
    "letter_phantom": "I1",
    "ledger_differs": "I1",
    "row_missing": "I2",
    "row_phantom": "I2",
    "row_differs": "I2",
    "row_unreadable": "I2",
    "state_missing": "I2",
    "state_phantom": "I2",
    "state_differs": "I2",
    "state_outdated": "I2",
    "alert_missing": "I3",
    "alert_phantom": "I3",
    "alert_altered": "I3",
    "alert_out_of_order": "I5",
    "marker_behind": "I7",
    "marker_ahead": "I7",
}
MISSING: tuple[BreachKind, ...] = ("alert_missing", "event_lost", "letter_missing", "ledger_differs")
SPURIOUS: tuple[BreachKind, ...] = ("alert_phantom", "alert_altered", "alert_out_of_order", "letter_phantom")
STATES: tuple[BreachKind, ...] = tuple(kind for kind, promise in INVARIANTS.items() if promise == "I2")


class Breach(NamedTuple):
    """One broken promise. `detail` names fields, never a value or a patient; `shown` does, for those who asked."""

    kind: BreachKind
    partition: int
    log_offset: int | None
    detail: str
    shown: dict[str, Any]
    topic: str | None = None
    offset: int | None = None


@dataclass(slots=True)
class Findings:
    """Everything that one run came to."""

    breaches: Counter[BreachKind] = field(default_factory=Counter)
    first: Breach | None = None
    dispositions: Counter[str] = field(default_factory=Counter)
    patients: int = 0
    events: int = 0
    alerts: int = 0
    repeats: int = 0  # alerts that were told more than once, with the same bytes
    letters: int = 0
    lag: int = 0
    unverified: int = 0  # patients whose story begins before what is left of the log
    cut: bool = False  # the log's head is gone

    def add(self, breach: Breach) -> None:
        """One more breach; the first of the partition that is checked first stays the first."""
        self.breaches[breach.kind] += 1
        if self.first is None or (breach.partition == self.first.partition and position(breach) < position(self.first)):
            self.first = breach

    @property
    def ok(self) -> bool:
        """Whether everything is as the log says, and everything could be looked at."""
        return not self.breaches and self.lag == 0 and self.unverified == 0

    def count(self, kinds: tuple[BreachKind, ...]) -> int:
        """Breaches of these kinds."""
        return sum(self.breaches[kind] for kind in kinds)

    def invariants(self) -> dict[str, bool]:
        """Which promises hold."""
        broken = {INVARIANTS[kind] for kind, number in self.breaches.items() if number}
        held: dict[str, bool] = {promise: promise not in broken for promise in sorted(set(INVARIANTS.values()))}
        return held | {"I7": held["I7"] and self.lag == 0}


def position(breach: Breach) -> float:
    """Where in the log a breach is; one without a place comes last."""
    return float("inf") if breach.log_offset is None else breach.log_offset
