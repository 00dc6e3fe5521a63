"""What a ward writes down about paging: destinations, who is told what, how patiently. One TOML table, `[dispatch]`.

Secrets never stand in the file: `{ env = "NAME" }` or `{ file = "/path" }` says where they are.
"""

from __future__ import annotations

import os
import re
from datetime import time, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationError, model_validator

from agents.dispatch.commands import PagingPolicy
from agents.dispatch.public_alert import DEFAULT_TEMPLATE, SYSTEM_TEXTS, template_fault
from agents.dispatch.routing import Hours, Routing, RoutingRule, Tiers
from agents.platform.errors import UserError
from agents.platform.settings import is_loopback, whole_file
from schemas.alert_kinds import ALERT_KINDS
from schemas.alerts import Priority

SECRET_SHORTEST = 16


def _secret(given: Any) -> SecretStr:
    """Reads a secret from where the file says it is."""
    if isinstance(given, dict) and given.keys() == {"env"}:
        value = os.environ.get(str(given["env"]), "")
        if not value:
            raise ValueError(f"environment variable {given['env']} is not set")
        return SecretStr(value)
    if isinstance(given, dict) and given.keys() == {"file"}:
        try:
            return SecretStr(Path(str(given["file"])).read_text(encoding="utf-8").strip())
        except OSError as error:
            raise ValueError(f"{given['file']}: {error.strerror}") from error
    raise ValueError('say where the secret is: { env = "NAME" } or { file = "/path" }')


def _web_address(given: Any) -> str:
    if not isinstance(given, str) or not given.startswith(("http://", "https://")):
        raise ValueError("must begin with http:// or https://")
    return given.rstrip("/")


def _template(given: Any) -> str:
    fault = template_fault(str(given))
    if fault is not None:
        raise ValueError(fault)
    return str(given)


def _zone(given: Any) -> str:
    try:
        ZoneInfo(str(given))
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ValueError(f"no time zone {given!r}; such as Europe/Berlin") from error
    return str(given)


Secret = Annotated[SecretStr, BeforeValidator(_secret)]
WebAddress = Annotated[str, BeforeValidator(_web_address)]
Template = Annotated[str, BeforeValidator(_template)]
Zone = Annotated[str, BeforeValidator(_zone)]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,30}$")]


class ConfigTable(BaseModel):
    """Every name that is not known is refused: a misspelt rule is a page that never comes."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Destination(ConfigTable):
    """What all destinations have in common."""

    second: Name | None = Field(None, description="Who stands in when this one refuses or does not take pages.")
    flood_pages: int = Field(10, ge=0, description="Pages in `flood_window_seconds` before a summary; 0: no guard.")
    timeout_seconds: float = Field(10, gt=0, le=120, description="How long one attempt may take.")
    at_once: int = Field(16, ge=1, le=256, description="Attempts under way at the same time, of different patients.")
    template: Template = Field(DEFAULT_TEMPLATE, description="One line; see the fields in the example.")


class WebDestination(Destination):
    """What is reached over HTTP."""

    proxy: WebAddress | None = Field(None, description="An HTTP proxy on the way there.")


class ConsoleAt(Destination):
    """Standard output."""

    kind: Literal["console"]


class AlertmanagerAt(WebDestination):
    """Prometheus Alertmanager, API v2. It groups by itself, so the flood guard is off unless asked for."""

    kind: Literal["alertmanager"]
    urls: tuple[WebAddress, ...] = Field(min_length=1, description="Every member of the cluster.")
    flood_pages: int = Field(0, ge=0, description="0: no guard; Alertmanager groups by itself.")
    refresh_seconds: float = Field(30, gt=0, le=300, description="The whole open set is posted this often.")
    outlive_refreshes: int = Field(10, ge=2, le=100, description="An alert ends by itself after so many missed posts.")
    labels: dict[str, str] = Field(default_factory=dict, description="Labels that every alert gets in addition.")
    bearer_token: Secret | None = Field(None, description="If it asks for one.")
    poll_silences_seconds: float = Field(15, ge=0, le=600, description="How often silences are looked at; 0: never.")


class PagerdutyAt(WebDestination):
    """PagerDuty, Events API v2."""

    kind: Literal["pagerduty"]
    routing_key: Secret = Field(description="Integration key of the service.")
    url: WebAddress = Field("https://events.pagerduty.com", description="events.eu.pagerduty.com for the EU region.")


class WebhookAt(WebDestination):
    """Anything that takes Standard Webhooks."""

    kind: Literal["webhook"]
    url: WebAddress
    secrets: tuple[Secret, ...] = Field(min_length=1, max_length=4, description="Signing keys, the newest first.")


class AcmAt(Destination):
    """An alarm manager that speaks IHE ACM (HL7 ORU^R40) over MLLP."""

    kind: Literal["acm"]
    host: str
    port: int = Field(ge=1, le=65535)
    tls: bool = False
    sending_facility: str = "WARD"
    receiving_application: str = "ALARM_MANAGER"
    receiving_facility: str = "HOSPITAL"
    at_once: int = Field(4, ge=1, le=64)


class AppriseAt(Destination):
    """Mail, chat or SMS through apprise (`pip install crs-monitor[notify]`)."""

    kind: Literal["apprise"]
    urls: tuple[Secret, ...] = Field(min_length=1, description="apprise addresses; they hold passwords.")
    tell_end: bool = Field(False, description="Also say when an alert is over.")


AnyDestination = Annotated[
    ConsoleAt | AlertmanagerAt | PagerdutyAt | WebhookAt | AcmAt | AppriseAt, Field(discriminator="kind")
]


class RouteLine(ConfigTable):
    """One line of the routing table; the first that matches wins."""

    kinds: frozenset[str] = frozenset()
    priorities: frozenset[Priority] = frozenset()
    units: frozenset[str] = frozenset()
    begin: time | None = Field(None, description="Holds from this minute of the day on.")
    end: time | None = Field(None, description="Holds until before this minute; may lie after midnight.")
    tiers: tuple[tuple[Name, ...], ...] = Field(description="Who is paged, who next. Empty: nobody.")

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if unknown := self.kinds - ALERT_KINDS.keys() - SYSTEM_TEXTS.keys():
            raise ValueError(f"no alert kind {', '.join(sorted(unknown))}")
        if (self.begin is None) != (self.end is None):
            raise ValueError("begin and end go together")
        return self


class Callbacks(ConfigTable):
    """Where acknowledgements come back in. Loopback unless said otherwise; a token is required."""

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

    name: Name = Field("dispatch", description="This dispatcher, in the dead-man alert; one name each.")
    group: str = Field("dispatch", description="Consumer group, after the topic prefix.")
    reference_secret: Secret = Field(description="Key of the opaque patient references in pages.")
    link: WebAddress | None = Field(None, description="Put into pages; may hold {alert_id} and {token}.")
    zone: Zone = Field("UTC", description="The ward's clock, for begin and end of routes.")
    default: tuple[tuple[Name, ...], ...] = Field(min_length=1, description="Tiers for what no route names.")
    routes: tuple[RouteLine, ...] = ()
    alarm_to: tuple[Name, ...] = Field((), description="Who hears of trouble with delivery; default: the first tier.")
    destinations: dict[Name, AnyDestination] = Field(min_length=1)
    callbacks: Callbacks | None = None
    again_after_seconds: float = Field(120, gt=0, description="High and unanswered: paged again (ward policy).")
    next_tier_after_seconds: float = Field(300, gt=0, description="Still unanswered: the next tier (ward policy).")
    repeat_limit: int = Field(12, ge=0, description="Repeats after the last tier was paged.")
    stuck_after_seconds: float = Field(60, gt=0, description="High and not taken: the second destination is told.")
    flood_window_seconds: float = Field(600, gt=0, description="See flood_pages.")
    flood_gather_seconds: float = Field(10, ge=0, description="A summary waits this long for more.")
    heartbeat_within_seconds: float = Field(
        90, ge=1, description="Silent for longer is an alarm; beats come every 10 s."
    )
    alive_url: Secret | None = Field(None, description="Posted to while every heartbeat comes: a dead-man's switch.")
    alive_seconds: float = Field(60, ge=1, le=3600, description="How often.")
    stale_after_seconds: float = Field(120, ge=0, description="After an outage, only the last word of what is older.")

    @model_validator(mode="after")
    def _closed(self) -> Self:
        """Every name that is mentioned exists, and nobody stands in for himself."""
        named = {name for tiers in (self.default, *(r.tiers for r in self.routes)) for tier in tiers for name in tier}
        named |= {d.second for d in self.destinations.values() if d.second} | set(self.alarm_to)
        if missing := sorted(named - self.destinations.keys()):
            raise ValueError(f"no destination {', '.join(missing)}; there are {', '.join(sorted(self.destinations))}")
        for name, destination in self.destinations.items():
            if destination.second == name:
                raise ValueError(f"destinations.{name}.second: cannot stand in for itself")
        if len(self.reference_secret.get_secret_value()) < SECRET_SHORTEST:
            raise ValueError(f"reference_secret: at least {SECRET_SHORTEST} characters")
        if self.link is not None and (unknown := set(re.findall(r"{([^}]*)}", self.link)) - {"alert_id", "token"}):
            raise ValueError(f"link: unknown field {{{unknown.pop()}}}; there are {{alert_id}} and {{token}}")
        if self.link is not None and "{token}" in self.link and self.callbacks is None:
            raise ValueError("link: {token} needs callbacks, which answer it")
        if self.next_tier_after_seconds < self.again_after_seconds:
            raise ValueError("next_tier_after_seconds is before again_after_seconds")
        return self

    def rules(self) -> PagingPolicy:
        """The plan as the paging machine reads it."""
        zone = ZoneInfo(self.zone)
        return PagingPolicy(
            Routing(self.default, tuple(_route(line, zone) for line in self.routes)),
            tuple(self.destinations),
            {name: d.second for name, d in self.destinations.items() if d.second is not None},
            {name: d.flood_pages for name, d in self.destinations.items()},
            flood_window=timedelta(seconds=self.flood_window_seconds),
            flood_gather=timedelta(seconds=self.flood_gather_seconds),
            again_after=timedelta(seconds=self.again_after_seconds),
            next_tier_after=timedelta(seconds=self.next_tier_after_seconds),
            repeat_limit=self.repeat_limit,
            stuck_after=timedelta(seconds=self.stuck_after_seconds),
            heartbeat_within=timedelta(seconds=self.heartbeat_within_seconds),
            alarm_to=self.alarm_to,
        )


def _route(line: RouteLine, zone: ZoneInfo) -> RoutingRule:
    hours = None if line.begin is None or line.end is None else Hours(line.begin, line.end, zone)
    tiers: Tiers = line.tiers
    return RoutingRule(tiers, line.kinds, frozenset(line.priorities), line.units, hours)


def load(config: Path | None) -> PagingConfig:
    """The plan in a TOML file. Raises UserError naming every setting that is wrong, and never a secret."""
    if config is None:
        raise UserError("dispatch: say where the destinations are: --config FILE (deploy/dispatch.example.toml)")
    table = whole_file(config).get("dispatch")
    if not isinstance(table, dict):
        raise UserError(f"{config}: no table [dispatch]; see deploy/dispatch.example.toml")
    try:
        return PagingConfig.model_validate(table)
    except ValidationError as error:
        raise UserError(f"{config}: {'; '.join(_complaint(found) for found in error.errors())}") from error


def _complaint(found: Any) -> str:
    place = ".".join(str(part) for part in ("dispatch", *found["loc"]))
    words = found["msg"].removeprefix("Value error, ")
    if found["type"] == "extra_forbidden":
        words = "no such setting"
    return f"{place}: {words}"
