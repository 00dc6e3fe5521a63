"""PagerDuty, Events API v2: an incident for each key; a higher grade has a key of its own, so that it calls again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any

from agents.dispatch.config import PagerdutyAt
from agents.dispatch.model import Act, Page
from agents.dispatch.pagers import http
from agents.dispatch.pagers.answer import TAKEN, PagerAnswer
from agents.dispatch.public_alert import text
from schemas.alerts import Priority

SEVERITY: dict[Priority, str] = {"high": "critical", "medium": "error", "low": "warning", "technical": "error"}
ACTION: dict[Act, str] = {"open": "trigger", "acknowledge": "acknowledge", "close": "resolve"}
LONGEST_KEY = 255
LONGEST_SUMMARY = 1024


class Pagerduty:
    """One service of PagerDuty. A 202 means accepted."""

    refresh_seconds: float | None = None

    def __init__(self, at: PagerdutyAt) -> None:
        self.at = at
        self.client = http.Client(at.timeout_seconds, at.at_once, proxy=at.proxy)

    async def send(self, page: Page) -> PagerAnswer:
        """Triggers, acknowledges or resolves. An update is not sent: on an incident that somebody closed by hand it
        would open a new one and call for nothing new."""
        if page.act == "update":
            return TAKEN
        return await self.client.post(f"{self.at.url}/v2/enqueue", json.dumps(self.event(page)).encode())

    async def refresh(self, pages: Sequence[Page], *, alive: bool) -> PagerAnswer:
        """PagerDuty forgets nothing."""
        return TAKEN

    async def close(self) -> None:
        """Lets connections go."""
        await self.client.close()

    def event(self, page: Page) -> dict[str, Any]:
        """One event as the API wants it."""
        event: dict[str, Any] = {
            "routing_key": self.at.routing_key.get_secret_value(),
            "event_action": ACTION[page.act],
            "dedup_key": dedup_key(page.key),
        }
        if page.act != "open":
            return event
        told = page.brief
        event["payload"] = {
            "summary": text(told, self.at.template)[:LONGEST_SUMMARY],
            "severity": SEVERITY[page.level],
            "source": " ".join(filter(None, (told.unit, told.bed))) or "crs-monitor",
            "timestamp": told.raised_at.isoformat(),
            "component": "crs-monitor",
            "group": told.reference,
            "class": told.kind,
            "custom_details": {"reference": told.reference, "priority": told.priority, "cause": page.cause},
        }
        if told.link is not None:
            event["links"] = [{"href": told.link, "text": "Open the alert"}]
        return event


def dedup_key(key: str) -> str:
    """The key itself; a longer one than PagerDuty takes is hashed, so that two can never become one by cutting."""
    return key if len(key) <= LONGEST_KEY else hashlib.sha256(key.encode()).hexdigest()
