"""When ticks came, and so what a backlog is: events that had to wait because no worker was running."""

from __future__ import annotations

from typing import NamedTuple, Self

from monitor.units import MINUTE

DOWN_AFTER_MS = 2 * MINUTE  # without a tick for longer, no worker was running


class Ticks(NamedTuple):
    """When ticks were appended, ms: the last one, and the two around the last downtime, when no worker ticked."""

    last: int = 0
    down_from: int = 0
    down_to: int = 0

    def after(self, appended_ms: int) -> Ticks:
        """The same with one more tick."""
        if self.last and appended_ms - self.last > DOWN_AFTER_MS:
            return Ticks(appended_ms, self.last, appended_ms)
        return self._replace(last=max(self.last, appended_ms))

    def is_backlog(self, known_at: int, appended_ms: int) -> bool:
        """Whether an event that arrived at `known_at` (ms) had to wait because no worker was running."""
        last, down_from, down_to = self
        still_down = last > 0 and appended_ms - last > DOWN_AFTER_MS and known_at > last
        return still_down or down_from < known_at < down_to


class InsertedTicks(Ticks):
    """Ticks that a replay of recorded events inserts where somebody is due: hours apart, and never a downtime."""

    __slots__ = ()

    def after(self, appended_ms: int) -> Self:
        """The same: an inserted tick says nothing about a worker."""
        return self


NEVER_TICKED = Ticks()
NO_DOWNTIME = InsertedTicks()
