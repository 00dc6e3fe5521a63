"""The order of the patients on the board, and of one patient's alerts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from agents.board.ward import BoardPatient, OpenAlertWithText
from schemas.alert_kinds import ALERT_KINDS, PRIORITY_RANK
from schemas.state import highest_crs_grade


def is_quiet(one: OpenAlertWithText, at: datetime) -> bool:
    """Whether the alert is snoozed."""
    return one.brief.snoozed_until is not None and one.brief.snoozed_until > at


def is_waiting(one: OpenAlertWithText, at: datetime) -> bool:
    """Whether the alert is neither acknowledged nor snoozed."""
    return one.brief.acknowledged_at is None and not is_quiet(one, at)


def display_order(one: OpenAlertWithText, at: datetime) -> tuple[bool, int, int, float]:
    """A patient's alerts, greatest first: waiting, then rank, then place in the table of kinds, then the newest."""
    list_order = ALERT_KINDS[one.brief.kind].list_order
    return is_waiting(one, at), rank(one), -list_order, one.brief.raised_at.timestamp()


def rank(one: OpenAlertWithText) -> int:
    """The rank of its priority, or of the one that the table of kinds prescribes for the board."""
    return PRIORITY_RANK[ALERT_KINDS[one.brief.kind].board_priority or one.brief.priority]


def urgency(patient: BoardPatient, open_alerts: Sequence[OpenAlertWithText], at: datetime) -> list[int]:
    """A sort key, compared number by number, greater is more urgent.

    Present on the ward; a high alert unanswered; the highest grade of CRS; the highest rank unanswered; no vitals
    arriving; the number of unanswered alerts.
    """
    state = patient.state
    waiting = [rank(one) for one in open_alerts if is_waiting(one, at)]
    loudest = max(waiting, default=-1)
    return [
        int(not patient.has_left),
        int(loudest == PRIORITY_RANK["high"]),
        highest_crs_grade(state),
        loudest,
        int(state.monitoring == "stale"),
        len(waiting),
    ]
