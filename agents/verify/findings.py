"""Counts the breaches that a check found by kind, and keeps the first one with its place in the log."""

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
# The invariant that a breach violates. I4, I6 and I8 concern pagers and time, which the log cannot show.
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
STATES: tuple[BreachKind, ...] = tuple(kind for kind, invariant in INVARIANTS.items() if invariant == "I2")


class Breach(NamedTuple):
    """One violation of an invariant.

    `detail` names fields, never a value or a patient; `shown` has them, for a report that may show them. `topic` and
    `offset`: where the wrong message is, when it is not in the log.
    """

    kind: BreachKind
    partition: int
    log_offset: int | None
    detail: str
    shown: dict[str, Any]
    topic: str | None = None
    offset: int | None = None


@dataclass(slots=True)
class Findings:
    """The result of one run."""

    breaches: Counter[BreachKind] = field(default_factory=Counter)
    first: Breach | None = None
    dispositions: Counter[str] = field(default_factory=Counter)
    patients: int = 0
    events: int = 0
    alerts: int = 0
    repeats: int = 0  # alerts published more than once with the same bytes
    letters: int = 0
    lag: int = 0
    unverified: int = 0  # patients whose history begins before the first offset that the log still has
    cut: bool = False  # retention has removed the beginning of the log

    def add(self, breach: Breach) -> None:
        """Adds a breach. `first` is the one at the lowest offset of the first partition that has any."""
        self.breaches[breach.kind] += 1
        if self.first is None or (breach.partition == self.first.partition and position(breach) < position(self.first)):
            self.first = breach

    @property
    def ok(self) -> bool:
        """Whether everything could be checked and agrees with the log."""
        return not self.breaches and self.lag == 0 and self.unverified == 0

    def count(self, kinds: tuple[BreachKind, ...]) -> int:
        """The number of breaches of these kinds."""
        return sum(self.breaches[kind] for kind in kinds)

    def invariants(self) -> dict[str, bool]:
        """For every invariant that is checked, whether it holds."""
        broken = {INVARIANTS[kind] for kind, number in self.breaches.items() if number}
        held: dict[str, bool] = {invariant: invariant not in broken for invariant in sorted(set(INVARIANTS.values()))}
        return held | {"I7": held["I7"] and self.lag == 0}


def position(breach: Breach) -> float:
    """The log offset of a breach as a sort key; a breach without one sorts last."""
    return float("inf") if breach.log_offset is None else breach.log_offset
