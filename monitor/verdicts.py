"""The reasons of decisions: every decision returns one, also when no alert follows."""

from __future__ import annotations

from typing import Literal, NamedTuple, get_args

Reason = Literal[
    # about an alert
    "raised",
    "worsened",
    "updated",
    "resolved",
    "retracted",
    "acknowledged",
    "snoozed",
    "snooze_ended",
    "held_snoozed",
    "overtaken",
    # about an event
    "applied",
    "held_same_grade",
    "held_unconfirmed",
    "held_falling",
    "held_catching_up",
    "duplicate",
    "id_reused",
    "ambiguous_id",
    "late",
    "too_late",
    "replaced",
    "voided",
    "from_the_future",
    "implausible",
    "unmapped_drug",
    "not_systemic",
    "not_given",
    "no_rule",
    "no_such_alert",
    "merged",
    "merge_undone",
    "merge_not_undone",
    "forwarded",
    "not_due",
    "defect",
]
REASONS: tuple[str, ...] = get_args(Reason)


class Verdict(NamedTuple):
    """One reason, and the kind of alert it is about, if any."""

    reason: Reason
    kind: str | None = None
