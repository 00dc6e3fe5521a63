"""Pager for PagerDuty (Events API v2): one incident per key; a higher grade has its own key, so it calls again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any, Literal

from pydantic import Field

from agents.dispatch.config_values import Secret, WebAddress
from agents.dispatch.page import Act, Page
from agents.dispatch.pagers import registry
from agents.dispatch.pagers.destination_config import WebDestinationConfig
from agents.dispatch.pagers.http import HttpClient
from agents.dispatch.pagers.protocol import ACCEPTED, PagerAnswer
from agents.dispatch.public_alert import text
from schemas.alerts import Priority

SEVERITY: dict[Priority, str] = {"high": "critical", "medium": "error", "low": "warning", "technical": "error"}
ACTION: dict[Act, str] = {"open": "trigger", "acknowledge": "acknowledge", "close": "resolve"}
LONGEST_KEY = 255
LONGEST_SUMMARY = 1024


class PagerdutyConfig(WebDestinationConfig):
    """A service of PagerDuty."""

    kind: Literal["pagerduty"]
    routing_key: Secret = Field(description="Integration key of the service.")
    url: WebAddress = Field("https://events.pagerduty.com", description="events.eu.pagerduty.com for the EU region.")


class PagerdutyPager:
    """One service of PagerDuty. Status 202 means accepted."""

    refresh_seconds: float | None = None

    def __init__(self, config: PagerdutyConfig) -> None:
        self.config = config
        self.client = HttpClient(config.timeout_seconds, config.max_concurrent, proxy=config.proxy)

    async def send(self, page: Page) -> PagerAnswer:
        """Triggers, acknowledges or resolves an incident.

        An update is not sent: it would open an incident again that somebody closed by hand.
        """
        if page.act == "update":
            return ACCEPTED
        return await self.client.post(f"{self.config.url}/v2/enqueue", json.dumps(self.event(page)).encode())

    async def refresh(self, pages: Sequence[Page], *, alive: bool) -> PagerAnswer:
        """Not needed: PagerDuty keeps its incidents."""
        return ACCEPTED

    async def close(self) -> None:
        """Closes connections."""
        await self.client.close()

    def event(self, page: Page) -> dict[str, Any]:
        """The body of one request (Events API v2)."""
        event: dict[str, Any] = {
            "routing_key": self.config.routing_key.get_secret_value(),
            "event_action": ACTION[page.act],
            "dedup_key": dedup_key(page.key),
        }
        if page.act != "open":
            return event
        alert = page.alert
        event["payload"] = {
            "summary": text(alert, self.config.template)[:LONGEST_SUMMARY],
            "severity": SEVERITY[page.level],
            "source": " ".join(filter(None, (alert.unit, alert.bed))) or "crs-monitor",
            "timestamp": alert.raised_at.isoformat(),
            "component": "crs-monitor",
            "group": alert.reference,
            "class": alert.kind,
            "custom_details": {"reference": alert.reference, "priority": alert.priority, "cause": page.cause},
        }
        if alert.link is not None:
            event["links"] = [{"href": alert.link, "text": "Open the alert"}]
        return event


def dedup_key(key: str) -> str:
    """The key itself; one that is too long for PagerDuty is hashed, because two cut keys could be equal."""
    return key if len(key) <= LONGEST_KEY else hashlib.sha256(key.encode()).hexdigest()


registry.register(PagerdutyConfig, lambda config, _: PagerdutyPager(config))
