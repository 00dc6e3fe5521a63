"""The pages of one patient to one destination, in the order in which they must be sent."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field

from agents.dispatch.page import HIGH_URGENCY, Page


@dataclass(slots=True)
class QueuedPage:
    """A page that waits for its turn. It may be sent once the row of its case is written."""

    page: Page
    written: asyncio.Future[None]
    queued_at: float  # loop time, seconds
    attempts: int = 0


@dataclass(slots=True)
class PatientQueue:
    """Only the first page is ever being sent, so pages of one patient never overtake each other."""

    pages: deque[QueuedPage] = field(default_factory=deque)
    sending: bool = False
    ticket: int | None = None  # its number among the ready queues, if it is ready
    timer: asyncio.TimerHandle | None = None  # runs during a pause after a failed attempt

    @property
    def urgency(self) -> int:
        """The highest urgency of its pages: a high one must not wait because a quiet one is before it."""
        return max(queued.page.alert.urgency for queued in self.pages)

    @property
    def high(self) -> bool:
        """Whether any of its pages has high priority."""
        return any(queued.page.alert.urgency >= HIGH_URGENCY for queued in self.pages)

    def drop(self, keys: frozenset[str]) -> None:
        """Removes pages about these incidents; an attempt that is being sent is not stopped."""
        self.pages = deque(queued for queued in self.pages if queued.page.key not in keys)

    def unnecessary(self, page: Page) -> bool:
        """Whether the first page is an update that a later page about the same incident replaces."""
        return page.act == "update" and any(later.page.key == page.key for later in list(self.pages)[1:])
