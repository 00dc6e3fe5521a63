"""Routing table: who is paged about an alert, by kind, priority, unit and time of day. The first match counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time
from zoneinfo import ZoneInfo

from agents.dispatch.public_alert import PublicAlert

# The destinations of a tier are paged together; the next tier is paged when nobody has acknowledged.
Tiers = tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Hours:
    """A part of the day in a time zone, first minute included, last excluded; it may include midnight."""

    begin: time
    end: time
    zone: ZoneInfo

    def include(self, at: datetime) -> bool:
        """Whether that instant is in these hours, in their time zone."""
        local = at.astimezone(self.zone).time()
        if self.begin <= self.end:
            return self.begin <= local < self.end
        return local >= self.begin or local < self.end


@dataclass(frozen=True, slots=True)
class RoutingRule:
    """One row of the table; an empty condition matches everything. Without tiers, nobody is paged."""

    tiers: Tiers
    kinds: frozenset[str] = frozenset()
    priorities: frozenset[str] = frozenset()
    units: frozenset[str] = frozenset()
    hours: Hours | None = None

    def matches(self, alert: PublicAlert, at: datetime) -> bool:
        """An unknown unit matches no row that names units: such an alert goes to the default."""
        return (
            (not self.kinds or alert.kind in self.kinds)
            and (not self.priorities or alert.priority in self.priorities)
            and (not self.units or alert.unit in self.units)
            and (self.hours is None or self.hours.include(at))
        )


@dataclass(frozen=True, slots=True)
class Routing:
    """The table, and the tiers of alerts that no row matches."""

    default: Tiers
    routes: Sequence[RoutingRule] = ()

    def tiers(self, alert: PublicAlert, at: datetime) -> Tiers:
        """The tiers of an alert. System alarms and summaries go to the whole first tier of the default."""
        if alert.kind in ("dispatch", "summary"):
            return self.default[:1]
        return next((route.tiers for route in self.routes if route.matches(alert, at)), self.default)
