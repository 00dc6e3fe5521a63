"""Story time of a demonstration: runs at the chosen speed, waits while the worker lags, and ends after a limit."""

from __future__ import annotations

import urllib.request
from collections.abc import Callable
from time import monotonic

from agents.demo.schedule import Schedule

# If more records than this wait for the worker, story time stops until it has caught up.
BEHIND_ALLOWED = 250
LOOK_SECONDS = 0.5
# On a slow machine the story is cut short rather than drawn out.
LONGEST = 1.5
# Ticks stay behind the events, or what is on its way through intake would always be late.
TICKS_BEHIND_SECONDS = 0.1
LAG = "crs_lag_events{"


class StoryClock:
    """The clock of the story. `at`: where it is, ms; `shortened`: the end came early."""

    def __init__(
        self, play: Schedule, seconds: float, lag: Callable[[], int], clock: Callable[[], float] = monotonic
    ) -> None:
        self.at = play.begins
        self.shortened = False
        self._play = play
        self._speed = (play.ends - play.begins) / seconds
        self._lag = lag
        self._clock = clock
        self._held = False
        self._moved_at = self._looked_at = clock()
        self._ends_at = self._moved_at + seconds * LONGEST

    @property
    def ended(self) -> bool:
        """Whether the story has come to its end."""
        return self.at >= self._play.ends

    @property
    def ticked_at(self) -> int:
        """How far the ticks are."""
        return max(self.at - round(TICKS_BEHIND_SECONDS * self._speed), self._play.begins)

    def advance(self) -> None:
        """Advances story time by the time that has passed, unless the worker lags."""
        now = self._clock()
        if now - self._looked_at >= LOOK_SECONDS:
            self._looked_at = now
            self._held = self._lag() > BEHIND_ALLOWED
        if not self._held:
            self.at = min(self.at + round((now - self._moved_at) * self._speed), self._play.ends)
        self._moved_at = now
        if now > self._ends_at and not self.ended:
            self._play.ends, self.shortened = self.at, True


def behind(metrics_port: int) -> int:
    """How many records of the log wait for the worker; 0 when its metrics cannot be read."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{metrics_port}/metrics", timeout=2) as answer:
            metrics = answer.read().decode()
    except OSError:
        return 0
    return round(sum(float(line.rpartition(" ")[2]) for line in metrics.splitlines() if line.startswith(LAG)))
