"""A silence in Alertmanager that names one alert answers it: a short one asks for quiet, a long one takes it on."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from agents.dispatch import metrics
from agents.dispatch.assessments import SNOOZE_AT_MOST, Assessments, acknowledgement, snooze
from agents.dispatch.config import AlertmanagerAt
from agents.dispatch.model import Case
from agents.dispatch.pagers import http

NAMES = ("incident", "alert_id")
SILENCES_KEPT = 10_000

log = logging.getLogger("crs.dispatch")


class Silences:
    """Looks at the silences of one Alertmanager again and again; each is answered once."""

    def __init__(self, at: AlertmanagerAt, find: Callable[[str], Case | None], assessments: Assessments) -> None:
        self.at = at
        self.find = find
        self.assessments = assessments
        token = None if at.bearer_token is None else at.bearer_token.get_secret_value()
        self.client = http.Client(at.timeout_seconds, 1, token, at.proxy)
        self.seen: dict[str, None] = {}

    async def run(self) -> None:
        """Looks until cancelled."""
        try:
            while True:
                await self.look(datetime.now(UTC))
                await asyncio.sleep(self.at.poll_silences_seconds)
        finally:
            await self.client.close()

    async def look(self, now: datetime) -> None:
        """Asks the first member that answers; members share their silences."""
        for url in self.at.urls:
            silences, why = await self.client.get(f"{url}/api/v2/silences")
            if silences is None:
                log.warning("silences why=%s", why)
                continue
            for silence in silences:
                await self._take(silence, now)
            return

    async def _take(self, silence: Any, now: datetime) -> None:
        try:
            number, until = f"{silence['id']}:{silence['endsAt']}", datetime.fromisoformat(silence["endsAt"])
            state, by = silence["status"]["state"], str(silence.get("createdBy") or "Alertmanager")
            named = alert_named(silence["matchers"])
        except (KeyError, TypeError, ValueError, AttributeError):
            return
        if state != "active" or named is None or number in self.seen:
            return
        case = self.find(named)
        if case is None:
            return
        self.seen[number] = None
        while len(self.seen) > SILENCES_KEPT:
            del self.seen[next(iter(self.seen))]
        if until - now > SNOOZE_AT_MOST:
            await self.assessments.publish(
                acknowledgement(case.alert_id, case.patient_id, by, now, f"silence:{number}")
            )
            metrics.CALLBACKS.labels("alertmanager", "acknowledged").inc()
        else:
            reason = f"silence of {by}"
            event = snooze(case.alert_id, case.patient_id, until, now, reason, f"silence:{number}")
            await self.assessments.publish(event)
            metrics.CALLBACKS.labels("alertmanager", "snoozed").inc()


def alert_named(matchers: list[dict[str, Any]]) -> str | None:
    """The one alert that a silence is about; one about whole kinds or units answers no alert."""
    for name in NAMES:
        for matcher in matchers:
            exact = not matcher.get("isRegex") and matcher.get("isEqual", True)
            if matcher["name"] == name and exact:
                return str(matcher["value"])
    return None
