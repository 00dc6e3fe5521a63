"""Counts what a run of events came to: grades reached, alerts by kind, what was refused. Small, whatever the input."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import get_args

from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from agents.folding import Judged
from monitor.course import advance
from monitor.instant import DAY, LONG_AGO, to_ms
from schemas.alerts import Alert, AlertKind
from schemas.events import Tick

DISCLAIMER = "Decision support for clinicians: not a medical device, and not a primary alarm."
GRADES = range(6)
NAMES_KEPT = 50
OTHERS = "(others)"


@dataclass(slots=True)
class Stay:
    """One patient in numbers. Bedside times in ms."""

    first_at: int
    last_at: int
    peak: int = 0
    astct_peak: int = 0
    raised: Counter[str] = field(default_factory=Counter)

    @property
    def days(self) -> float:
        """From the first event to the last."""
        return (self.last_at - self.first_at) / DAY


class Tally:
    """What was judged so far. `watch` sees every judgement; `refuse` every dead letter."""

    def __init__(self) -> None:
        self.stays: dict[str, Stay] = {}
        self.events: Counter[str] = Counter()
        self.verdicts: Counter[str] = Counter()
        self.dead_letters: Counter[str] = Counter()
        self.unknown_fields: Counter[str] = Counter()

    def watch(self, one: Judged) -> None:
        """Takes in one judgement."""
        self.verdicts.update(verdict.reason for verdict in one.step.verdicts)
        stay = self.stays.get(one.patient_id)
        if isinstance(one.event, Tick):
            self.events["tick"] += 1
        else:
            self.events[one.event.type] += 1
            at = to_ms(one.event.effective_at)
            if stay is None:
                stay = self.stays[one.patient_id] = Stay(at, at)
            if one.step.state.clock >= at:
                stay.first_at, stay.last_at = min(stay.first_at, at), max(stay.last_at, at)
        if stay is not None:
            for alert in one.step.alerts:
                take(stay, alert)

    def refuse(self, reason: str) -> None:
        """One dead letter."""
        self.dead_letters[reason] += 1

    def overlook(self, fields: tuple[str, ...]) -> None:
        """Fields that we do not know; names come from outside, so only so many are told apart."""
        for name in fields:
            known = name in self.unknown_fields or len(self.unknown_fields) < NAMES_KEPT
            self.unknown_fields[name if known else OTHERS] += 1

    @property
    def patient_days(self) -> float:
        """Days of observation, all patients together."""
        return sum(stay.days for stay in self.stays.values())

    def raised(self) -> Counter[str]:
        """Alerts raised, by kind; further versions of an alert are not counted."""
        return sum((stay.raised for stay in self.stays.values()), Counter())

    def per_day(self, number: int) -> str:
        """So many a patient-day, as people read it."""
        days = self.patient_days
        return f"{number / days:.2f}" if days > 0 else "-"


def take(stay: Stay, alert: Alert) -> None:
    """What an alert says about a stay."""
    stay.peak = max(stay.peak, alert.grade)
    stay.astct_peak = max(stay.astct_peak, alert.astct_grade)
    if alert.status == "raised":
        stay.raised[alert.kind] += 1


def grades_of(one: Judged) -> tuple[int, int] | None:
    """The patient's grade and ASTCT grade after a judgement; None when nothing but the clock moved."""
    return None
