"""Inputs and outputs of the paging state machine as plain values: alert updates, policy, commands, page results."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from agents.dispatch.model import Case
from agents.dispatch.page import Page
from agents.dispatch.public_alert import PublicAlert
from agents.dispatch.routing import Routing

# `superseded`: an update that a later page about the same incident made unnecessary before it was sent.
Result = Literal["accepted", "rejected", "removed", "superseded"]


@dataclass(frozen=True, slots=True)
class PagingPolicy:
    """The ward's decisions about paging: routes, fallbacks, limits and times."""

    routing: Routing
    destinations: tuple[str, ...]
    fallback: Mapping[str, str] = field(default_factory=dict)
    flood_pages: Mapping[str, int] = field(default_factory=dict)
    flood_window: timedelta = timedelta(minutes=10)
    flood_gather: timedelta = timedelta(seconds=10)
    repeat_after: timedelta = timedelta(minutes=2)
    next_tier_after: timedelta = timedelta(minutes=5)
    repeat_limit: int = 12
    undelivered_after: timedelta = timedelta(seconds=60)
    alarm_ends_after: timedelta = timedelta(minutes=10)
    heartbeat_within: timedelta | None = timedelta(seconds=90)
    abandon_after: timedelta = timedelta(hours=1)
    keep_closed: timedelta = timedelta(days=61)
    system_alarm_to: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AlertUpdate:
    """One version of an alert, as read from the alerts topic."""

    alert_id: str
    patient_id: str
    partition: int
    alert: PublicAlert
    offset: int = 0
    acknowledged_at: datetime | None = None
    snoozed_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class SendPage:
    """Send this page, after all earlier pages of the same patient to the same destination."""

    page: Page


@dataclass(frozen=True, slots=True)
class DropPages:
    """Remove pages about these incidents from the destination's queue."""

    destination: str
    keys: frozenset[str]


@dataclass(frozen=True, slots=True)
class SaveCase:
    """Write the case to the delivery log."""

    case: Case


@dataclass(frozen=True, slots=True)
class DeleteCase:
    """Delete the row of a case that is older than the alerts topic: the alert cannot be read again."""

    alert_id: str
    partition: int


@dataclass(frozen=True, slots=True)
class PagingVerdict:
    """The reason why something was sent, or not."""

    reason: str
    kind: str = ""


Command = SendPage | DropPages | SaveCase | DeleteCase | PagingVerdict
Commands = Iterator[Command]
# Commands about one case; the generator returns the changed case, which is not saved yet.
CaseCommands = Generator[Command, None, Case]


def verdict(reason: str, alert: PublicAlert) -> PagingVerdict:
    """The reason for a decision about this alert."""
    return PagingVerdict(reason, alert.kind)
