"""The flood guard: too many pages to one destination become one summary; what is loud is never held back."""

from __future__ import annotations

from collections import deque
from datetime import datetime, timedelta


class FloodGuard:
    """Counts the pages to one destination. `pages` of 0 switches the guard off."""

    def __init__(self, pages: int, window: timedelta, gather: timedelta) -> None:
        self.pages = pages
        self.window = window
        self.gather = gather
        self.recent: deque[datetime] = deque()
        self.held: dict[str, datetime] = {}
        self.summed_at: datetime | None = None

    def admits(self, at: datetime, *, loud: bool) -> bool:
        """Whether a page may go out now; if so it is counted."""
        while self.recent and at - self.recent[0] >= self.window:
            self.recent.popleft()
        if self.pages and not loud and len(self.recent) >= self.pages:
            return False
        if self.pages:
            self.recent.append(at)
        return True

    def recall(self, at: datetime) -> None:
        """A page of before a restart counts as well."""
        if self.pages:
            self.recent = deque(sorted([*self.recent, at])[-self.pages :])

    def hold(self, alert_id: str, at: datetime) -> None:
        """Keeps an alert for the next summary."""
        self.held.setdefault(alert_id, at)

    def release(self, alert_id: str) -> None:
        """Takes an alert out again: it became loud."""
        self.held.pop(alert_id, None)

    def summary(self, at: datetime) -> tuple[str, ...]:
        """What the summary that is due now tells of; empty: none is due. One a window, after a moment of gathering."""
        if not self.held or at - min(self.held.values()) < self.gather:
            return ()
        if self.summed_at is not None and at - self.summed_at < self.window:
            return ()
        told = tuple(self.held)
        self.held.clear()
        self.summed_at = at
        return told
