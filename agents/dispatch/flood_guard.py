"""Flood guard of one destination: too many pages in a short time become one summary; high priority is never held."""

from __future__ import annotations

from collections import deque
from datetime import datetime, timedelta


class FloodGuard:
    """Counts the pages to one destination. `pages` is how many are allowed per `window`; 0 switches the guard off."""

    def __init__(self, pages: int, window: timedelta, gather: timedelta) -> None:
        self.pages = pages
        self.window = window
        self.gather = gather
        self.recent: deque[datetime] = deque()
        self.held: dict[str, datetime] = {}
        self.summarised_at: datetime | None = None

    def admits(self, at: datetime, *, high: bool) -> bool:
        """Whether a page may be sent now; if so it is counted."""
        while self.recent and at - self.recent[0] >= self.window:
            self.recent.popleft()
        if self.pages and not high and len(self.recent) >= self.pages:
            return False
        if self.pages:
            self.recent.append(at)
        return True

    def count_earlier(self, at: datetime) -> None:
        """Counts a page that was sent before a restart."""
        if self.pages:
            self.recent = deque(sorted([*self.recent, at])[-self.pages :])

    def hold(self, alert_id: str, at: datetime) -> None:
        """Keeps an alert for the next summary."""
        self.held.setdefault(alert_id, at)

    def release(self, alert_id: str) -> None:
        """Takes an alert out of the next summary: it was paged, or it is closed."""
        self.held.pop(alert_id, None)

    def summary(self, at: datetime) -> tuple[str, ...]:
        """The alerts of a summary that is due now; empty: none is due.

        At most one summary per window, and not before the first alert was held for `gather`.
        """
        if not self.held or at - min(self.held.values()) < self.gather:
            return ()
        if self.summarised_at is not None and at - self.summarised_at < self.window:
            return ()
        members = tuple(self.held)
        self.held.clear()
        self.summarised_at = at
        return members
