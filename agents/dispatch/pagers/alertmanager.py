"""Pager for Prometheus Alertmanager (API v2).

Alertmanager identifies an alert by its labels and ends an alert that is not posted again. So the labels never change
while an incident is open (bed, unit and text are annotations), both times are always sent, the whole open set is posted
periodically, and a close is posted explicitly, never left to a timeout.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from pydantic import Field

from agents.dispatch.config_values import Secret, WebAddress
from agents.dispatch.page import Page
from agents.dispatch.pagers import registry
from agents.dispatch.pagers.destination_config import WebDestinationConfig
from agents.dispatch.pagers.http import HttpClient
from agents.dispatch.pagers.protocol import ACCEPTED, PagerAnswer
from agents.dispatch.public_alert import text
from schemas.alerts import Priority

SEVERITY: dict[Priority, str] = {"high": "critical", "medium": "warning", "low": "info", "technical": "warning"}
ALERT_NAME = "CrsAlert"
ALIVE_NAME = "CrsMonitorAlive"
CHUNK = 500  # alerts in one post
ALIVE_REFRESHES = 3  # the dead-man alert ends sooner than patients' alerts do


class AlertmanagerConfig(WebDestinationConfig):
    """A cluster of Alertmanagers. It groups alerts itself, so the flood guard is off unless it is set."""

    kind: Literal["alertmanager"]
    urls: tuple[WebAddress, ...] = Field(min_length=1, description="Every member of the cluster.")
    flood_pages: int = Field(0, ge=0, description="0: no guard; Alertmanager groups by itself.")
    refresh_seconds: float = Field(30, gt=0, le=300, description="How often the whole open set is posted.")
    outlive_refreshes: int = Field(10, ge=2, le=100, description="An alert ends after so many missed posts.")
    labels: dict[str, str] = Field(default_factory=dict, description="Labels that are added to every alert.")
    bearer_token: Secret | None = Field(None, description="If the API needs one.")
    poll_silences_seconds: float = Field(15, ge=0, le=600, description="How often silences are read; 0: never.")


class AlertmanagerPager:
    """Posts to every member of a cluster; it is enough that one accepts."""

    def __init__(self, config: AlertmanagerConfig, dispatcher: str) -> None:
        self.config = config
        self.dispatcher = dispatcher
        self.refresh_seconds: float | None = config.refresh_seconds
        self.client = client(config, config.max_concurrent * len(config.urls))

    async def send(self, page: Page) -> PagerAnswer:
        """Opens, updates or ends one alert."""
        labels = self.labels(page)
        empty = sorted(name for name, value in labels.items() if not value)
        if empty:
            # Alertmanager drops an empty label silently, and alerts of two patients would become one.
            return PagerAnswer("rejected", f"empty label {', '.join(empty)}")
        return await self._post([self.alert(page, datetime.now(UTC))])

    async def refresh(self, pages: Sequence[Page], *, alive: bool) -> PagerAnswer:
        """Posts the whole open set, and the dead-man alert if every heartbeat is in time."""
        now = datetime.now(UTC)
        alerts = [self.alert(page, now) for page in pages]
        if alive:
            alerts.append(self.alive(now))
        answer = ACCEPTED
        for start in range(0, len(alerts), CHUNK):
            one = await self._post(alerts[start : start + CHUNK])
            answer = answer if one is ACCEPTED else one
        return answer

    async def close(self) -> None:
        """Closes connections."""
        await self.client.close()

    def labels(self, page: Page) -> dict[str, str]:
        """The identity of an incident: nothing here changes while it is open."""
        return {
            **self.config.labels,
            "alertname": ALERT_NAME,
            "service": "crs-monitor",
            "kind": page.alert.kind,
            "priority": page.level,
            "severity": SEVERITY[page.level],
            "reference": page.alert.reference,
            "alert_id": page.alert.alert_id,
            "incident": page.key,
        }

    def alert(self, page: Page, now: datetime) -> dict[str, Any]:
        """One alert as the API expects it."""
        public = page.alert
        ends_at = now if page.act == "close" else now + self.lifetime
        annotations = {
            "summary": text(public, self.config.template),
            "grade": str(public.grade),
            "status": public.status,
        }
        annotations |= {"bed": public.bed or "unknown", "unit": public.unit or "unknown"}
        alert: dict[str, Any] = {
            "labels": self.labels(page),
            "annotations": annotations,
            "startsAt": min(public.raised_at, now).isoformat(),
            "endsAt": ends_at.isoformat(),
        }
        if public.link is not None:
            alert["generatorURL"] = public.link
        return alert

    def alive(self, now: datetime) -> dict[str, Any]:
        """Fires while the whole path works, so that an external system can page when it stops."""
        return {
            "labels": {
                **self.config.labels,
                "alertname": ALIVE_NAME,
                "service": "crs-monitor",
                "severity": "none",
                "dispatcher": self.dispatcher,
            },
            "annotations": {"summary": "Ticks reach the pager through log, watch and dispatch"},
            "startsAt": now.isoformat(),
            "endsAt": (now + timedelta(seconds=self.config.refresh_seconds * ALIVE_REFRESHES)).isoformat(),
        }

    @property
    def lifetime(self) -> timedelta:
        """How long an alert lives without being posted again."""
        return timedelta(seconds=self.config.refresh_seconds * self.config.outlive_refreshes)

    async def _post(self, alerts: list[dict[str, Any]]) -> PagerAnswer:
        body = json.dumps(alerts).encode()
        answers = await asyncio.gather(
            *(self.client.post(f"{url}/api/v2/alerts", body) for url in self.config.urls),
        )
        accepted = [answer for answer in answers if answer.outcome == "accepted"]
        retry = [answer for answer in answers if answer.outcome == "retry"]
        return (accepted or retry or answers)[0]


def client(config: AlertmanagerConfig, connections: int) -> HttpClient:
    """An HTTP client with the settings of this Alertmanager."""
    token = None if config.bearer_token is None else config.bearer_token.get_secret_value()
    return HttpClient(config.timeout_seconds, connections, token, config.proxy)


registry.register(AlertmanagerConfig, lambda config, context: AlertmanagerPager(config, context.dispatcher))
