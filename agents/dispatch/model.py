"""One alert as the dispatcher remembers it: its latest version, who was told what, and what is still to be confirmed.

A case is a row of the `delivered` topic. Reading the rows back gives a restarted dispatcher all that it knew.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from pydantic import TypeAdapter

from agents.dispatch.public_alert import PublicAlert
from agents.dispatch.routing import Tiers
from schemas.alerts import Priority

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
    """One thing to tell one destination. Sent again, it is the same page: receivers know it by `page_id` or `key`."""

    destination: str
    act: Act
    cause: Cause
    key: str  # what the receiver sees as one incident: the alert id, with a suffix for grade 3, 4 and repeats
    brief: PublicAlert
    repeat: int = 0  # how often this version was told here before, because nobody answered
    order: int = 0  # when it was said: the place on the alerts topic
    primary: bool = True  # False: only receivers that keep an incident for every key need to know
    level: Priority = "medium"  # how loud the alert was when this incident was opened: a receiver's identity of it

    @property
    def page_id(self) -> str:
        """The same for every attempt at this page: alert id and version, and a count for repeats."""
        again = f".{self.repeat}" if self.repeat else ""
        return f"{self.brief.alert_id}.{self.brief.version}{again}"


@dataclass(frozen=True, slots=True)
class DestinationStatus:
    """What one destination was told of one alert."""

    keys: tuple[str, ...] = ()  # incidents open there, the latest last
    used: tuple[str, ...] = ()  # every key ever opened there
    levels: dict[str, Priority] = field(default_factory=dict)  # how loud the alert was then
    pending: tuple[Page, ...] = ()  # on their way, in order
    version: int = 0  # the latest version told here
    held: bool = False  # waits for a summary
    summary: str | None = None  # the summary that told of it


@dataclass(frozen=True, slots=True)
class Case:
    """One alert and everyone who was told of it."""

    alert_id: str  # as on the alerts topic: an acknowledgement needs it
    patient_id: str  # stays inside: an acknowledgement needs it; empty for what is about the pager itself
    partition: int
    brief: PublicAlert
    tiers: Tiers
    paged_at: datetime  # when the latest round of pages went out
    tier: int = 0
    offset: int = 0  # of the latest version on the alerts topic
    rounds: int = 0  # pages repeated since the last raise in loudness
    acknowledged_at: datetime | None = None
    snoozed_until: datetime | None = None
    closed_at: datetime | None = None
    lines: dict[str, DestinationStatus] = field(default_factory=dict)
    alarm: str | None = None  # the name of a technical alarm of our own
    members: tuple[str, ...] = ()  # of a summary: the alerts it told of

    @property
    def silent(self) -> bool:
        """Someone has taken it on, or asked for quiet, or it is over."""
        return bool(self.acknowledged_at or self.snoozed_until or self.closed_at)

    @property
    def settled(self) -> bool:
        """Over, and everyone knows."""
        return self.closed_at is not None and not any(line.pending or line.held for line in self.lines.values())

    @property
    def unconfirmed(self) -> bool:
        """An opening page is still on its way."""
        return any(page.act == "open" for line in self.lines.values() for page in line.pending)


_ROW: TypeAdapter[Case] = TypeAdapter(Case)


def encode(case: Case) -> bytes:
    """A case as a row of JSON."""
    return _ROW.dump_json(case)


def decode(row: bytes) -> Case:
    """A case from its row."""
    return _ROW.validate_json(row)
