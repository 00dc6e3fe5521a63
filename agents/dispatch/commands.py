"""What the paging machine hears and what it orders, and what the ward decided about paging. Plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from agents.dispatch.model import Case, Page
from agents.dispatch.public_alert import PublicAlert
from agents.dispatch.routing import Routing


@dataclass(frozen=True, slots=True)
class PagingPolicy:
    """What the ward decided about paging."""

    routing: Routing
    destinations: tuple[str, ...]
    second: Mapping[str, str] = field(default_factory=dict)
    flood_pages: Mapping[str, int] = field(default_factory=dict)
    flood_window: timedelta = timedelta(minutes=10)
    flood_gather: timedelta = timedelta(seconds=10)
    again_after: timedelta = timedelta(minutes=2)
    next_tier_after: timedelta = timedelta(minutes=5)
    repeat_limit: int = 12
    stuck_after: timedelta = timedelta(seconds=60)
    calm_after: timedelta = timedelta(minutes=10)
    heartbeat_within: timedelta | None = timedelta(seconds=90)
    give_up_after: timedelta = timedelta(hours=1)
    keep_closed: timedelta = timedelta(days=61)
    alarm_to: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AlertUpdate:
    """One version of an alert, as read from the alerts topic."""

    alert_id: str
    patient_id: str
    partition: int
    brief: PublicAlert
    offset: int = 0  # on the alerts topic: the order in which things were said
    acknowledged_at: datetime | None = None
    snoozed_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class SendPage:
    """Hand this page to its destination, after all earlier ones of the same patient."""

    page: Page


@dataclass(frozen=True, slots=True)
class DropPages:
    """What still waits for this destination about these incidents need not go: refused, or long over."""

    destination: str
    keys: frozenset[str]


@dataclass(frozen=True, slots=True)
class SaveCase:
    """Write the case down."""

    case: Case


@dataclass(frozen=True, slots=True)
class DeleteCase:
    """The alert is older than the alerts topic: nothing can bring it back."""

    alert_id: str
    partition: int


@dataclass(frozen=True, slots=True)
class PagingVerdict:
    """Why something was sent, or not."""

    reason: str
    kind: str = ""


Command = SendPage | DropPages | SaveCase | DeleteCase | PagingVerdict
# `superseded`: an update that a later word about the same incident made needless before it was sent.
Result = Literal["confirmed", "refused", "gone", "superseded"]
