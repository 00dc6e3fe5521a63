"""Polls Alertmanager for silences of one alert: a short one becomes a snooze, a long one an acknowledgement."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from agents.dispatch import metrics
from agents.dispatch.assessments import SNOOZE_AT_MOST, Assessments, acknowledgement, snooze
from agents.dispatch.model import Case
from agents.dispatch.pagers.alertmanager import AlertmanagerConfig, client

MATCHER_NAMES = ("incident", "alert_id")
SILENCES_KEPT = 10_000

log = logging.getLogger("crs.dispatch")


class Silences:
    """Reads the silences of one Alertmanager periodically; each becomes one assessment.

    `find` gives the open case of an alert id or incident key.
    """

    def __init__(
        self, config: AlertmanagerConfig, find: Callable[[str], Case | None], assessments: Assessments
    ) -> None:
        self.config = config
        self.find = find
        self.assessments = assessments
        self.client = client(config, 1)
        self.seen: dict[str, None] = {}

    async def run(self) -> None:
        """Polls until cancelled."""
        try:
            while True:
                await self.poll(datetime.now(UTC))
                await asyncio.sleep(self.config.poll_silences_seconds)
        finally:
            await self.client.close()

    async def poll(self, now: datetime) -> None:
        """Asks the first member of the cluster that answers; members share their silences."""
        for url in self.config.urls:
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
            key = alert_key(silence["matchers"])
        except (KeyError, TypeError, ValueError, AttributeError):
            return
        if state != "active" or key is None or number in self.seen:
            return
        case = self.find(key)
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


def alert_key(matchers: list[dict[str, Any]]) -> str | None:
    """The alert id or incident key that a silence names; None for one about kinds or units, which answers no alert."""
    for name in MATCHER_NAMES:
        for matcher in matchers:
            exact = not matcher.get("isRegex") and matcher.get("isEqual", True)
            if matcher["name"] == name and exact:
                return str(matcher["value"])
    return None
