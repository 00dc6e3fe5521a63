"""Mail, chat and SMS through apprise: one line to people; quiet changes are not sent."""

from __future__ import annotations

import importlib
import logging
from collections.abc import Sequence
from typing import Any

from agents.dispatch.config import AppriseAt
from agents.dispatch.model import Page
from agents.dispatch.pagers.answer import TAKEN, PagerAnswer
from agents.dispatch.public_alert import text
from agents.platform.errors import UserError

TITLES = {"high": "CRS: urgent", "medium": "CRS", "low": "CRS, for information", "technical": "CRS monitor: technical"}


class Notify:
    """Everybody at the addresses of one destination. apprise says yes or no and not why: a no is worth trying again."""

    refresh_seconds: float | None = None

    def __init__(self, at: AppriseAt, place: str) -> None:
        try:
            apprise: Any = importlib.import_module("apprise")
        except ImportError as error:
            raise UserError(f"{place}: apprise is not installed: pip install 'crs-monitor[notify]'") from error
        # apprise logs addresses and answers of services, and these may hold keys.
        logging.getLogger("apprise").setLevel(logging.CRITICAL)
        self.tell_end = at.tell_end
        self.template = at.template
        self.apprise = apprise.Apprise()
        for number, url in enumerate(at.urls, 1):
            if not self.apprise.add(url.get_secret_value()):
                raise UserError(f"{place}: address {number} is none that apprise knows")

    async def send(self, page: Page) -> PagerAnswer:
        """A page, and its end if asked for."""
        if not page.primary or page.act not in (("open", "close") if self.tell_end else ("open",)):
            return TAKEN
        title = "CRS: over" if page.act == "close" else TITLES[page.brief.priority]
        try:
            taken = await self.apprise.async_notify(body=text(page.brief, self.template), title=title)
        except (OSError, TypeError, ValueError) as error:
            return PagerAnswer("again", type(error).__name__)
        return TAKEN if taken else PagerAnswer("again", "not delivered")

    async def refresh(self, pages: Sequence[Page], *, alive: bool) -> PagerAnswer:
        """People are told once."""
        return TAKEN

    async def close(self) -> None:
        """Nothing to let go."""
