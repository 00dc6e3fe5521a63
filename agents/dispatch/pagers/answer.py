"""What a receiver answered: it took the page, it never will, it is gone for good, or it is worth trying again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from agents.dispatch.model import Page


@dataclass(frozen=True, slots=True)
class PagerAnswer:
    """`why` is for operators: a status or the name of an error, never what was sent or said."""

    outcome: Literal["taken", "refused", "gone", "again"]
    why: str = ""
    retry_after_seconds: float | None = None  # what the receiver asked for


TAKEN = PagerAnswer("taken")


class Pager(Protocol):
    """One destination. `send` never raises for anything that a network or a receiver can do."""

    refresh_seconds: float | None  # how often it wants to be reminded of the whole open set; None: never

    async def send(self, page: Page) -> PagerAnswer:
        """Hands one page over; sending it again is harmless."""

    async def refresh(self, pages: Sequence[Page], *, alive: bool) -> PagerAnswer:
        """Reminds it of everything that is open, and, when all is well, that we are alive."""

    async def close(self) -> None:
        """Lets connections go."""
