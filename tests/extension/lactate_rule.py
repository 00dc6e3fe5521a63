"""Asks for a review while lactate is 4 mmol/L or more. An example, no medicine."""

from __future__ import annotations

from collections.abc import Iterator

from monitor.alerts.candidate import AlertCandidate, RuleContext
from monitor.course import further_signals


def high_lactate(context: RuleContext) -> Iterator[AlertCandidate]:
    """The alert while the latest lactate is high."""
    lactate = further_signals.latest(context.course, "lactate_mmol_per_l")
    if lactate is not None and lactate.value >= 400:
        yield AlertCandidate(
            "review",
            "lactate",
            context.priority("review"),
            "review-lactate",
            lactate.at,
            "Lactate is high",
            "Lactate is 4 mmol/L or more.",
            tuple,
        )
