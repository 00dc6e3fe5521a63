"""Pages on standard output, for a demonstration or a first look."""

from __future__ import annotations

from collections.abc import Sequence

import click

from agents.dispatch.config import ConsoleAt
from agents.dispatch.model import Page
from agents.dispatch.pagers.answer import TAKEN, PagerAnswer
from agents.dispatch.public_alert import text

MARKS = {"open": "PAGE", "update": "update", "acknowledge": "seen", "close": "over"}


class Console:
    """One line for each page."""

    refresh_seconds: float | None = None

    def __init__(self, at: ConsoleAt) -> None:
        self.template = at.template

    async def send(self, page: Page) -> PagerAnswer:
        """Prints it."""
        if page.primary:
            told = page.brief
            words = f"{told.raised_at:%H:%M:%S} {MARKS[page.act]:<6} {told.priority:<9} {text(told, self.template)}"
            click.echo(f"{words} [{page.key}]")
        return TAKEN

    async def refresh(self, pages: Sequence[Page], *, alive: bool) -> PagerAnswer:
        """Standard output forgets nothing."""
        return TAKEN

    async def close(self) -> None:
        """Nothing to let go."""
