"""The settings of paging, one TOML table `[dispatch]`: destinations, routes, times and limits.

Field aliases are the names in the file.
"""

from __future__ import annotations

import re
from datetime import time, timedelta
from pathlib import Path
from typing import Any, Self
from zoneinfo import ZoneInfo

from pydantic import Field, ValidationError, model_validator

from agents.dispatch.commands import PagingPolicy
from agents.dispatch.config_values import SECRET_SHORTEST, ConfigTable, Name, Secret, WebAddress, Zone
from agents.dispatch.pagers.registry import AnyDestination
from agents.dispatch.public_alert import SYSTEM_TEXTS
from agents.dispatch.routing import Hours, Routing, RoutingRule, Tiers
from agents.platform.errors import UserError
from agents.platform.kafka_connection import is_loopback
from agents.platform.settings import read_toml
from schemas.alert_kinds import ALERT_KINDS
from schemas.alerts import Priority


class RouteConfig(ConfigTable):
    """One row of the routing table; the first that matches counts."""

    kinds: frozenset[str] = frozenset()
    priorities: frozenset[Priority] = frozenset()
    units: frozenset[str] = frozenset()
    begin: time | None = Field(None, description="Applies from this minute of the day.")
    end: time | None = Field(None, description="Applies until before this minute; may be after midnight.")
    tiers: tuple[tuple[Name, ...], ...] = Field(description="Destinations per tier. Empty: nobody is paged.")

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if unknown := self.kinds - ALERT_KINDS.keys() - SYSTEM_TEXTS.keys():
            raise ValueError(f"no alert kind {', '.join(sorted(unknown))}")
        if (self.begin is None) != (self.end is None):
            raise ValueError("begin and end go together")
        return self


class CallbacksConfig(ConfigTable):
    """The HTTP server for acknowledgements. Loopback by default; a token is required."""

    host: str = "127.0.0.1"
    port: int = Field(ge=0, le=65535)
    token: Secret = Field(description="Bearer token, and the key of the links in pages.")
    pagerduty_secrets: tuple[Secret, ...] = Field((), description="Signing secrets of PagerDuty webhook subscriptions.")

    @model_validator(mode="after")
    def _strong(self) -> Self:
        if len(self.token.get_secret_value()) < SECRET_SHORTEST:
            raise ValueError(f"token: at least {SECRET_SHORTEST} characters")
        return self

    @property
    def open_to_others(self) -> bool:
        """Whether other machines can reach it."""
        return not is_loopback(self.host)


class PagingConfig(ConfigTable):
    """Everything under `[dispatch]`."""

    name: Name = Field("dispatch", description="This dispatcher, in the dead-man alert; unique.")
    group: str = Field("dispatch", description="Consumer group, after the topic prefix.")
    reference_secret: Secret = Field(description="Key of the opaque patient references in pages.")
    link: WebAddress | None = Field(None, description="In pages; may contain {alert_id} and {token}.")
    zone: Zone = Field("UTC", description="Time zone of begin and end of routes.")
    default: tuple[tuple[Name, ...], ...] = Field(min_length=1, description="Tiers of alerts that no route matches.")
    routes: tuple[RouteConfig, ...] = ()
    system_alarm_to: tuple[Name, ...] = Field(
        (), alias="alarm_to", description="Paged about trouble with delivery; default: the first tier."
    )
    destinations: dict[Name, AnyDestination] = Field(min_length=1)
    callbacks: CallbacksConfig | None = None
    repeat_after_seconds: float = Field(
        120, gt=0, alias="again_after_seconds", description="High and unanswered: paged again (ward policy)."
    )
    next_tier_after_seconds: float = Field(300, gt=0, description="Still unanswered: the next tier (ward policy).")
    repeat_limit: int = Field(12, ge=0, description="Repeats after the last tier was paged.")
    undelivered_after_seconds: float = Field(
        60, gt=0, alias="stuck_after_seconds", description="High and not accepted: the fallback is paged."
    )
    flood_window_seconds: float = Field(600, gt=0, description="See flood_pages.")
    flood_gather_seconds: float = Field(10, ge=0, description="A summary waits so long for more alerts.")
    heartbeat_within_seconds: float = Field(
        90, ge=1, description="A longer pause between heartbeats is an alarm; they are sent every 10 s."
    )
    alive_url: Secret | None = Field(None, description="A dead-man's switch: posted to while heartbeats are in time.")
    alive_seconds: float = Field(60, ge=1, le=3600, description="How often `alive_url` is posted to.")
    stale_after_seconds: float = Field(120, ge=0, description="After an outage, older alerts: the last version only.")

    @model_validator(mode="after")
    def _closed(self) -> Self:
        """Every destination that is mentioned exists, and none is its own fallback."""
        named = {name for tiers in (self.default, *(r.tiers for r in self.routes)) for tier in tiers for name in tier}
        named |= {each.fallback for each in self.destinations.values() if each.fallback}
        named |= set(self.system_alarm_to)
        if missing := sorted(named - self.destinations.keys()):
            raise ValueError(f"no destination {', '.join(missing)}; there are {', '.join(sorted(self.destinations))}")
        for name, destination in self.destinations.items():
            if destination.fallback == name:
                raise ValueError(f"destinations.{name}.second: cannot be its own fallback")
        if len(self.reference_secret.get_secret_value()) < SECRET_SHORTEST:
            raise ValueError(f"reference_secret: at least {SECRET_SHORTEST} characters")
        if self.link is not None and (unknown := set(re.findall(r"{([^}]*)}", self.link)) - {"alert_id", "token"}):
            raise ValueError(f"link: unknown field {{{unknown.pop()}}}; there are {{alert_id}} and {{token}}")
        if self.link is not None and "{token}" in self.link and self.callbacks is None:
            raise ValueError("link: {token} needs callbacks, which answer it")
        if self.next_tier_after_seconds < self.repeat_after_seconds:
            raise ValueError("next_tier_after_seconds is before again_after_seconds")
        return self

    def policy(self) -> PagingPolicy:
        """The settings as the paging state machine needs them."""
        zone = ZoneInfo(self.zone)
        return PagingPolicy(
            Routing(self.default, tuple(_rule(route, zone) for route in self.routes)),
            tuple(self.destinations),
            {name: each.fallback for name, each in self.destinations.items() if each.fallback is not None},
            {name: each.flood_pages for name, each in self.destinations.items()},
            flood_window=timedelta(seconds=self.flood_window_seconds),
            flood_gather=timedelta(seconds=self.flood_gather_seconds),
            repeat_after=timedelta(seconds=self.repeat_after_seconds),
            next_tier_after=timedelta(seconds=self.next_tier_after_seconds),
            repeat_limit=self.repeat_limit,
            undelivered_after=timedelta(seconds=self.undelivered_after_seconds),
            heartbeat_within=timedelta(seconds=self.heartbeat_within_seconds),
            system_alarm_to=self.system_alarm_to,
        )


def _rule(route: RouteConfig, zone: ZoneInfo) -> RoutingRule:
    hours = None if route.begin is None or route.end is None else Hours(route.begin, route.end, zone)
    tiers: Tiers = route.tiers
    return RoutingRule(tiers, route.kinds, frozenset(route.priorities), route.units, hours)


def load(config: Path | None) -> PagingConfig:
    """The settings in a TOML file. Raises UserError naming every setting that is wrong, and never a secret."""
    if config is None:
        raise UserError("dispatch: no file with the destinations: --config FILE (deploy/dispatch.example.toml)")
    table = read_toml(config).get("dispatch")
    if not isinstance(table, dict):
        raise UserError(f"{config}: no table [dispatch]; see deploy/dispatch.example.toml")
    try:
        return PagingConfig.model_validate(table)
    except ValidationError as error:
        raise UserError(f"{config}: {'; '.join(_described(found) for found in error.errors())}") from error


def _described(found: Any) -> str:
    path = ".".join(str(part) for part in ("dispatch", *found["loc"]))
    message = found["msg"].removeprefix("Value error, ")
    if found["type"] == "extra_forbidden":
        message = "no such setting"
    return f"{path}: {message}"
