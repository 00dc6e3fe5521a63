"""Prometheus Alertmanager, API v2: its labels are an alert's identity, and what is not repeated ends by itself.

So the identity never changes while an incident is open (bed, unit and words are annotations), both times are always
sent, the whole open set is posted again and again, and an end is said, never left to a timeout.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from agents.dispatch.config import AlertmanagerAt
from agents.dispatch.model import Page
from agents.dispatch.pagers import http
from agents.dispatch.pagers.answer import TAKEN, PagerAnswer
from agents.dispatch.public_alert import text
from schemas.alerts import Priority

SEVERITY: dict[Priority, str] = {"high": "critical", "medium": "warning", "low": "info", "technical": "warning"}
ALERT_NAME = "CrsAlert"
ALIVE_NAME = "CrsMonitorAlive"
CHUNK = 500  # alerts in one post
ALIVE_REFRESHES = 3  # the dead-man alert ends sooner than patients' alerts do


class Alertmanager:
    """A cluster of Alertmanagers; each member is told, and one that takes a page is enough."""

    def __init__(self, at: AlertmanagerAt, name: str) -> None:
        self.at = at
        self.name = name
        self.refresh_seconds: float | None = at.refresh_seconds
        token = None if at.bearer_token is None else at.bearer_token.get_secret_value()
        self.client = http.Client(at.timeout_seconds, at.at_once * len(at.urls), token, at.proxy)

    async def send(self, page: Page) -> PagerAnswer:
        """Opens, words anew, or ends one alert."""
        labels = self.labels(page)
        empty = sorted(name for name, value in labels.items() if not value)
        if empty:
            # Alertmanager would drop the label without a word, and patients would become one.
            return PagerAnswer("refused", f"empty label {', '.join(empty)}")
        return await self._post([self.alert(page, datetime.now(UTC))])

    async def refresh(self, pages: Sequence[Page], *, alive: bool) -> PagerAnswer:
        """Posts the whole open set, and the dead-man alert as long as all is well."""
        now = datetime.now(UTC)
        alerts = [self.alert(page, now) for page in pages]
        if alive:
            alerts.append(self.alive(now))
        answer = TAKEN
        for start in range(0, len(alerts), CHUNK):
            one = await self._post(alerts[start : start + CHUNK])
            answer = answer if one is TAKEN else one
        return answer

    async def close(self) -> None:
        """Lets connections go."""
        await self.client.close()

    def labels(self, page: Page) -> dict[str, str]:
        """What makes an incident itself; nothing here changes while it is open."""
        return {
            **self.at.labels,
            "alertname": ALERT_NAME,
            "service": "crs-monitor",
            "kind": page.brief.kind,
            "priority": page.level,
            "severity": SEVERITY[page.level],
            "reference": page.brief.reference,
            "alert_id": page.brief.alert_id,
            "incident": page.key,
        }

    def alert(self, page: Page, now: datetime) -> dict[str, Any]:
        """One alert as the API wants it."""
        told = page.brief
        ends_at = now if page.act == "close" else now + self.lifetime
        annotations = {"summary": text(told, self.at.template), "grade": str(told.grade), "status": told.status}
        annotations |= {"bed": told.bed or "unknown", "unit": told.unit or "unknown"}
        alert: dict[str, Any] = {
            "labels": self.labels(page),
            "annotations": annotations,
            "startsAt": min(told.raised_at, now).isoformat(),
            "endsAt": ends_at.isoformat(),
        }
        if told.link is not None:
            alert["generatorURL"] = told.link
        return alert

    def alive(self, now: datetime) -> dict[str, Any]:
        """Always firing while the whole path works; who watches over us pages when it stops."""
        return {
            "labels": {
                **self.at.labels,
                "alertname": ALIVE_NAME,
                "service": "crs-monitor",
                "severity": "none",
                "dispatcher": self.name,
            },
            "annotations": {"summary": "Ticks reach the pager through log, watch and dispatch"},
            "startsAt": now.isoformat(),
            "endsAt": (now + timedelta(seconds=self.at.refresh_seconds * ALIVE_REFRESHES)).isoformat(),
        }

    @property
    def lifetime(self) -> timedelta:
        """How long an alert lives without being posted again."""
        return timedelta(seconds=self.at.refresh_seconds * self.at.outlive_refreshes)

    async def _post(self, alerts: list[dict[str, Any]]) -> PagerAnswer:
        body = json.dumps(alerts).encode()
        answers = await asyncio.gather(
            *(self.client.post(f"{url}/api/v2/alerts", body) for url in self.at.urls),
        )
        taken = [answer for answer in answers if answer.outcome == "taken"]
        worth = [answer for answer in answers if answer.outcome == "again"]
        return (taken or worth or answers)[0]
