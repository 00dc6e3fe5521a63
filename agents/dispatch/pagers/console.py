"""Pages on standard output, for a demonstration or a first try."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import click

from agents.dispatch.page import Act, Page
from agents.dispatch.pagers import registry
from agents.dispatch.pagers.destination_config import DestinationConfig
from agents.dispatch.pagers.protocol import ACCEPTED, PagerAnswer
from agents.dispatch.public_alert import text

LABELS: dict[Act, str] = {"open": "PAGE", "update": "update", "acknowledge": "seen", "close": "over"}


class ConsoleConfig(DestinationConfig):
    """Standard output."""

    kind: Literal["console"]


class ConsolePager:
    """Prints one line for each page."""

    refresh_seconds: float | None = None

    def __init__(self, config: ConsoleConfig) -> None:
        self.template = config.template

    async def send(self, page: Page) -> PagerAnswer:
        """Prints a page."""
        if page.primary:
            alert = page.alert
            message = f"{alert.priority:<9} {text(alert, self.template)} [{page.key}]"
            click.echo(f"{alert.raised_at:%H:%M:%S} {LABELS[page.act]:<6} {message}")
        return ACCEPTED

    async def refresh(self, pages: Sequence[Page], *, alive: bool) -> PagerAnswer:
        """Not needed: what is printed stays."""
        return ACCEPTED

    async def close(self) -> None:
        """There is no connection."""


registry.register(ConsoleConfig, lambda config, _: ConsolePager(config))
