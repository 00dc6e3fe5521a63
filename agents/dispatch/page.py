"""A page: one message about one version of an alert to one destination.

Shared by paging, the queues and the pagers. Field aliases are the names in the stored rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from agents.dispatch.public_alert import PublicAlert
from schemas.alerts import Priority

# Urgency of high priority; grade 3 and grade 4 are above it (`PublicAlert.urgency`).
HIGH_URGENCY = 3

Act = Literal["open", "update", "acknowledge", "close"]
Cause = Literal[
    "raised",
    "worsened",
    "eased",
    "updated",
    "acknowledged",
    "snoozed",
    "snooze_ended",
    "again",
    "next_tier",
    "second",
    "over",
    "superseded",
]


@dataclass(frozen=True, slots=True)
class Page:
    """One message to one destination. Every attempt sends the same page: receivers know it by `page_id` or `key`."""

    destination: str
    act: Act
    cause: Cause
    key: str  # one incident at the receiver: the alert id, with a suffix for grade 3, grade 4 and repeats
    alert: Annotated[PublicAlert, Field(alias="brief")]
    repeat: int = 0  # how many pages about this version were opened at this destination before
    order: int = 0  # offset of the version on the alerts topic
    primary: bool = True  # False: only receivers that keep an incident for every key need this page
    level: Priority = "medium"  # priority when the incident was opened: part of its identity at some receivers

    @property
    def page_id(self) -> str:
        """The same for every attempt at this page: alert id and version, and a count for repeats."""
        repeat = f".{self.repeat}" if self.repeat else ""
        return f"{self.alert.alert_id}.{self.alert.version}{repeat}"
