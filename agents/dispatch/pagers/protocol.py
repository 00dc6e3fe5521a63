"""What every pager offers, and what its receiver can answer to a page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from agents.dispatch.page import Page

# accepted; rejected: this page will never be accepted; removed: no page will be any more; retry: worth another attempt.
Outcome = Literal["accepted", "rejected", "removed", "retry"]


@dataclass(frozen=True, slots=True)
class PagerAnswer:
    """`why` is for operators: a status or the name of an error, never the content of a page or of an answer."""

    outcome: Outcome
    why: str = ""
    retry_after_seconds: float | None = None  # the pause that the receiver asked for


ACCEPTED = PagerAnswer("accepted")


class Pager(Protocol):
    """One destination. `send` never raises because of the network or the receiver: these give "retry"."""

    refresh_seconds: float | None  # how often the receiver needs the whole set of open incidents; None: never

    async def send(self, page: Page) -> PagerAnswer:
        """Sends one page once. Sending it again must be harmless."""

    async def refresh(self, pages: Sequence[Page], *, alive: bool) -> PagerAnswer:
        """Sends everything that is open. `alive`: every heartbeat is in time."""

    async def close(self) -> None:
        """Closes connections."""
