"""The order of the patients on the board, and of one patient's alerts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from agents.board.ward import BoardPatient, OpenAlertWithText
from agents.dispatch.public_alert import LOUDNESS
from schemas.alerts import AlertKind

BY_HAND = "unmonitored"
# How a patient's alerts of one priority are read: what has happened, what may harm, what to do, what to look at.
READ_FIRST: tuple[AlertKind, ...] = (
    "unmonitored",
    "escalation",
    "dose_safety",
    "refractory",
    "no_improvement",
    "neuro",
    "dose_indicated",
    "repeat_dose_eligible",
    "dose_limit",
    "masked_fever",
    "step",
    "review",
    "onset",
    "recovery",
    "signal_lost",
    "data_quality",
)


def is_quiet(one: OpenAlertWithText, at: datetime) -> bool:
    """Whether the alert is snoozed."""
    return one.brief.snoozed_until is not None and one.brief.snoozed_until > at


def is_waiting(one: OpenAlertWithText, at: datetime) -> bool:
    """Whether the alert is neither acknowledged nor snoozed."""
    return one.brief.acknowledged_at is None and not is_quiet(one, at)


def loudness(one: OpenAlertWithText, at: datetime) -> tuple[bool, int, int, float]:
    """What comes first in a patient's list: what waits, the loudest of it, in the order above, the newest of that."""
    return is_waiting(one, at), rank(one), -READ_FIRST.index(one.brief.kind), one.brief.raised_at.timestamp()


def rank(one: OpenAlertWithText) -> int:
    """A patient who cannot be judged is as loud as anything."""
    return LOUDNESS["high"] if one.brief.kind == BY_HAND else LOUDNESS[one.brief.priority]


def urgency(patient: BoardPatient, standing: Sequence[OpenAlertWithText], at: datetime) -> list[int]:
    """A sort key, compared number by number, greater is more urgent.

    Present on the ward; a high alert unanswered; the higher of both grades; the highest rank unanswered; no vitals
    arriving; the number of unanswered alerts.
    """
    state = patient.state
    waiting = [rank(one) for one in standing if is_waiting(one, at)]
    loudest = max(waiting, default=-1)
    return [
        int(not patient.has_left),
        int(loudest == LOUDNESS["high"]),
        max(state.grade, state.astct_grade),
        loudest,
        int(state.monitoring == "stale"),
        len(waiting),
    ]
