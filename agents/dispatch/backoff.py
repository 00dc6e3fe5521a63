"""Pauses between attempts at a page: doubling, with jitter, shorter for high priority, and bounded."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random


@dataclass(frozen=True, slots=True)
class Backoff:
    """All values in seconds."""

    first: float = 0.5
    longest_high: float = 10.0
    longest: float = 60.0
    requested_longest_high: float = 15.0  # caps of what a destination may ask for by Retry-After
    requested_longest: float = 300.0

    def seconds(self, attempts: int, *, high: bool, random: Random) -> float:
        """The pause after so many attempts at one page."""
        longest = self.longest_high if high else self.longest
        return float(min(longest, self.first * 2.0 ** min(attempts - 1, 20)) * random.uniform(0.5, 1.0))
