"""Which alert goes to whom: by kind, priority, unit and time of day. A pure table: first match wins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time
from zoneinfo import ZoneInfo

from agents.dispatch.public_alert import PublicAlert

# Each tier is the destinations that are paged together; the next tier hears of what nobody acknowledged.
Tiers = tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Hours:
    """A part of the day in a time zone, first minute included, last excluded; it may run over midnight."""

    begin: time
    end: time
    zone: ZoneInfo

    def hold(self, at: datetime) -> bool:
        """Whether that instant falls into these hours on the ward's clock."""
        local = at.astimezone(self.zone).time()
        if self.begin <= self.end:
            return self.begin <= local < self.end
        return local >= self.begin or local < self.end


@dataclass(frozen=True, slots=True)
class RoutingRule:
    """One line of the table; an empty condition matches everything. No tiers: such alerts page nobody."""

    tiers: Tiers
    kinds: frozenset[str] = frozenset()
    priorities: frozenset[str] = frozenset()
    units: frozenset[str] = frozenset()
    hours: Hours | None = None

    def matches(self, told: PublicAlert, at: datetime) -> bool:
        """An unknown unit matches no line that names units: such an alert falls through to the default."""
        return (
            (not self.kinds or told.kind in self.kinds)
            and (not self.priorities or told.priority in self.priorities)
            and (not self.units or told.unit in self.units)
            and (self.hours is None or self.hours.hold(at))
        )


@dataclass(frozen=True, slots=True)
class Routing:
    """The table, and who hears of what no line matched."""

    default: Tiers
    routes: Sequence[RoutingRule] = ()

    def tiers(self, told: PublicAlert, at: datetime) -> Tiers:
        """Who is to hear of an alert. What is about the pager itself always goes to everyone of the first tier."""
        if told.kind in ("dispatch", "summary"):
            return self.default[:1]
        return next((route.tiers for route in self.routes if route.matches(told, at)), self.default)
