"""Pager for signed webhooks (Standard Webhooks), which any system that can check a signature can receive."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Literal

from pydantic import Field
from standardwebhooks.webhooks import EmptyWebhookSecretError, Webhook

from agents.dispatch.config_values import Secret, WebAddress
from agents.dispatch.page import Page
from agents.dispatch.pagers import registry
from agents.dispatch.pagers.destination_config import WebDestinationConfig
from agents.dispatch.pagers.http import HttpClient
from agents.dispatch.pagers.protocol import ACCEPTED, PagerAnswer
from agents.dispatch.pagers.registry import PagerContext
from agents.dispatch.public_alert import text
from agents.platform.errors import UserError


class WebhookConfig(WebDestinationConfig):
    """Any system that receives Standard Webhooks."""

    kind: Literal["webhook"]
    url: WebAddress
    secrets: tuple[Secret, ...] = Field(min_length=1, max_length=4, description="Signing keys, the newest first.")


class WebhookPager:
    """Posts one message for each version of an alert; the id of the message is the id of the page."""

    refresh_seconds: float | None = None

    def __init__(self, config: WebhookConfig) -> None:
        self.config = config
        self.client = HttpClient(config.timeout_seconds, config.max_concurrent, proxy=config.proxy)
        self.signers = [Webhook(secret.get_secret_value()) for secret in config.secrets]

    async def send(self, page: Page) -> PagerAnswer:
        """Signs and posts a page. The receiver knows alerts by id, so the close of an old level is not sent."""
        if not page.primary:
            return ACCEPTED
        body = self.body(page)
        return await self.client.post(self.config.url, body.encode(), self.headers(page, body, datetime.now(UTC)))

    async def refresh(self, pages: Sequence[Page], *, alive: bool) -> PagerAnswer:
        """Not needed: an accepted message is final."""
        return ACCEPTED

    async def close(self) -> None:
        """Closes connections."""
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
        """The message; nothing about the patient but reference and bed."""
        alert = page.alert
        return json.dumps(
            {
                "type": f"crs.alert.{page.act}",
                "timestamp": alert.raised_at.isoformat(),
                "data": {
                    "alert_id": alert.alert_id,
                    "version": alert.version,
                    "status": alert.status,
                    "cause": page.cause,
                    "incident": page.key,
                    "kind": alert.kind,
                    "priority": alert.priority,
                    "grade": alert.grade,
                    "reference": alert.reference,
                    "unit": alert.unit,
                    "bed": alert.bed,
                    "text": text(alert, self.config.template),
                    "link": alert.link,
                },
            }
        )


def build(config: WebhookConfig, context: PagerContext) -> WebhookPager:
    """Raises UserError for a signing key that is not base64."""
    try:
        return WebhookPager(config)
    except (ValueError, EmptyWebhookSecretError) as error:
        raise UserError(f"{context.path}.secrets: not base64, as in whsec_...") from error


registry.register(WebhookConfig, build)
