"""A signed webhook (Standard Webhooks): any system that checks a signature can take pages."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime

from standardwebhooks.webhooks import Webhook as Signer

from agents.dispatch.config import WebhookAt
from agents.dispatch.model import Page
from agents.dispatch.pagers import http
from agents.dispatch.pagers.answer import TAKEN, PagerAnswer
from agents.dispatch.public_alert import text


class Webhook:
    """Posts each page once for each version of an alert; the id of a message is the id of the page."""

    refresh_seconds: float | None = None

    def __init__(self, at: WebhookAt) -> None:
        self.at = at
        self.client = http.Client(at.timeout_seconds, at.at_once, proxy=at.proxy)
        self.signers = [Signer(secret.get_secret_value()) for secret in at.secrets]

    async def send(self, page: Page) -> PagerAnswer:
        """Signs and posts. Closing an old level is no news for a receiver that knows alerts by their id."""
        if not page.primary:
            return TAKEN
        body = self.body(page)
        return await self.client.post(self.at.url, body.encode(), self.headers(page, body, datetime.now(UTC)))

    async def refresh(self, pages: Sequence[Page], *, alive: bool) -> PagerAnswer:
        """A webhook is told once."""
        return TAKEN

    async def close(self) -> None:
        """Lets connections go."""
        await self.client.close()

    def headers(self, page: Page, body: str, at: datetime) -> dict[str, str]:
        """Identity, time and one signature for each key, so that keys can be changed without a gap."""
        signatures = " ".join(signer.sign(page.page_id, at, body) for signer in self.signers)
        return {
            "webhook-id": page.page_id,
            "webhook-timestamp": str(int(at.timestamp())),
            "webhook-signature": signatures,
        }

    def body(self, page: Page) -> str:
        """What is told; nothing about the patient but reference and bed."""
        told = page.brief
        return json.dumps(
            {
                "type": f"crs.alert.{page.act}",
                "timestamp": told.raised_at.isoformat(),
                "data": {
                    "alert_id": told.alert_id,
                    "version": told.version,
                    "status": told.status,
                    "cause": page.cause,
                    "incident": page.key,
                    "kind": told.kind,
                    "priority": told.priority,
                    "grade": told.grade,
                    "reference": told.reference,
                    "unit": told.unit,
                    "bed": told.bed,
                    "text": text(told, self.at.template),
                    "link": told.link,
                },
            }
        )
