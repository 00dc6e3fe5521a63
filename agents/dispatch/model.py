"""The dispatcher's record of one alert: its latest version, and what each destination was sent and has confirmed.

A case is one row of the delivery log. A restarted dispatcher continues from the rows alone, so the names in a row
(the field aliases) do not change.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated

from pydantic import Field, TypeAdapter

from agents.dispatch.page import Page
from agents.dispatch.public_alert import PublicAlert
from agents.dispatch.routing import Tiers
from schemas.alerts import Priority


@dataclass(frozen=True, slots=True)
class DestinationStatus:
    """What one destination was sent about one alert."""

    keys: tuple[str, ...] = ()  # incidents that are open there, the latest last
    used: tuple[str, ...] = ()  # every key that was ever opened there
    levels: dict[str, Priority] = field(default_factory=dict)  # priority of each key when it was opened
    pending: tuple[Page, ...] = ()  # not yet accepted or rejected, in order
    version: int = 0  # the latest version that was sent
    held: bool = False  # held back by the flood guard until the next summary
    summary: str | None = None  # the alert id of the summary that included this alert

    @property
    def undelivered(self) -> bool:
        """Whether a page that opens an incident is still pending."""
        return any(page.act == "open" for page in self.pending)


@dataclass(frozen=True, slots=True)
class Case:
    """One alert and its state at every destination that was paged about it."""

    alert_id: str  # as on the alerts topic: an acknowledgement needs it
    patient_id: str  # never sent to a pager: an acknowledgement needs it; empty for alarms of the system itself
    partition: int
    alert: Annotated[PublicAlert, Field(alias="brief")]
    tiers: Tiers
    paged_at: datetime  # when the latest pages were sent to all tiers so far
    tier: int = 0
    offset: int = 0  # of the latest version on the alerts topic
    rounds: int = 0  # repeats since the alert last became worse
    acknowledged_at: datetime | None = None
    snoozed_until: datetime | None = None
    closed_at: datetime | None = None
    destinations: Annotated[dict[str, DestinationStatus], Field(alias="lines")] = field(default_factory=dict)
    alarm: str | None = None  # the name of a system alarm
    members: tuple[str, ...] = ()  # alert ids in a flood summary

    @property
    def quiet(self) -> bool:
        """Acknowledged, snoozed or closed: no page is repeated."""
        return bool(self.acknowledged_at or self.snoozed_until or self.closed_at)

    @property
    def settled(self) -> bool:
        """Closed, and every destination has the close."""
        return self.closed_at is not None and not any(each.pending or each.held for each in self.destinations.values())

    @property
    def undelivered(self) -> bool:
        """Whether a page that opens an incident is still pending at any destination."""
        return any(each.undelivered for each in self.destinations.values())

    def at(self, destination: str) -> DestinationStatus:
        """The state at one destination; an empty one when it was not paged about this alert."""
        return self.destinations.get(destination, DestinationStatus())


_ROW: TypeAdapter[Case] = TypeAdapter(Case)


def encode(case: Case) -> bytes:
    """The case as a row of the delivery log (JSON)."""
    return _ROW.dump_json(case, by_alias=True)


def decode(row: bytes) -> Case:
    """The case in a row. Raises pydantic's ValidationError when the row cannot be read."""
    return _ROW.validate_json(row)
