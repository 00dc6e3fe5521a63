"""Pager for mail, chat and SMS through apprise: one line of text; updates are not sent."""

from __future__ import annotations

import importlib
import logging
from collections.abc import Sequence
from typing import Any, Literal

from pydantic import Field

from agents.dispatch.config_values import Secret
from agents.dispatch.page import Page
from agents.dispatch.pagers import registry
from agents.dispatch.pagers.destination_config import DestinationConfig
from agents.dispatch.pagers.protocol import ACCEPTED, PagerAnswer
from agents.dispatch.public_alert import text
from agents.platform.errors import UserError
from agents.platform.extras import require_extra

TITLES = {"high": "CRS: urgent", "medium": "CRS", "low": "CRS, for information", "technical": "CRS monitor: technical"}


class AppriseConfig(DestinationConfig):
    """Addresses of apprise (`pip install crs-monitor[notify]`)."""

    kind: Literal["apprise"]
    urls: tuple[Secret, ...] = Field(min_length=1, description="apprise addresses; they contain passwords.")
    send_close: bool = Field(False, alias="tell_end", description="Also send a message when an alert is over.")


class ApprisePager:
    """All addresses of one destination. apprise gives no reason for a failure, so every failure is retried."""

    refresh_seconds: float | None = None

    def __init__(self, config: AppriseConfig, path: str) -> None:
        require_extra("notify", path)
        apprise: Any = importlib.import_module("apprise")
        # apprise logs addresses and answers of services, which may contain keys.
        logging.getLogger("apprise").setLevel(logging.CRITICAL)
        self.send_close = config.send_close
        self.template = config.template
        self.apprise = apprise.Apprise()
        for number, url in enumerate(config.urls, 1):
            if not self.apprise.add(url.get_secret_value()):
                raise UserError(f"{path}: address {number} is none that apprise knows")

    async def send(self, page: Page) -> PagerAnswer:
        """Sends an opened page, and its close if the settings ask for it."""
        if not page.primary or page.act not in (("open", "close") if self.send_close else ("open",)):
            return ACCEPTED
        title = "CRS: over" if page.act == "close" else TITLES[page.alert.priority]
        try:
            delivered = await self.apprise.async_notify(body=text(page.alert, self.template), title=title)
        except (OSError, TypeError, ValueError) as error:
            return PagerAnswer("retry", type(error).__name__)
        return ACCEPTED if delivered else PagerAnswer("retry", "not delivered")

    async def refresh(self, pages: Sequence[Page], *, alive: bool) -> PagerAnswer:
        """Not needed: a message stays with its reader."""
        return ACCEPTED

    async def close(self) -> None:
        """There is no connection."""


registry.register(AppriseConfig, lambda config, context: ApprisePager(config, context.path))
