"""Whether the board's data is current: heartbeats missing or behind, brokers away, still loading; the board's clock."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from schemas.heartbeats import read_heartbeat

SILENT_AFTER_SECONDS = 30.0
BEHIND_AFTER = timedelta(seconds=30)


class LastHeartbeat(NamedTuple):
    """The last heartbeat of a partition: when it was received (monotonic s), its log time, how old it was then."""

    received: float
    at: datetime
    behind: timedelta


class BoardHealth(NamedTuple):
    """Whether the board is current. `unmonitored`: partitions whose patients are not being judged now.

    `problem`: the warning on the page; `waiting`: what a board that has just started waits for.
    """

    unmonitored: tuple[int, ...]
    problem: str | None
    waiting: str | None

    @property
    def is_clear(self) -> bool:
        """Whether there is no problem and nothing to wait for."""
        return self.problem is None and self.waiting is None


class Liveness:
    """Keeps the heartbeats. `seconds` are monotonic, so that a corrected system clock causes no false warning."""

    def __init__(self, partitions: int, started: float) -> None:
        self.started = started
        self.loading = True
        self.fault: str | None = None
        self.last_heartbeats: dict[int, LastHeartbeat | None] = dict.fromkeys(range(partitions))

    def record(self, value: bytes | None, now: datetime, seconds: float) -> None:
        """One heartbeat message; one that cannot be read, or of a partition that the ward does not have, is ignored."""
        heartbeat = read_heartbeat(value)
        if heartbeat is not None and heartbeat.partition in self.last_heartbeats:
            self.last_heartbeats[heartbeat.partition] = LastHeartbeat(seconds, heartbeat.at, now - heartbeat.at)

    def clock(self, now: datetime, seconds: float) -> datetime:
        """The board's time: the system clock `now`, or log time where that is ahead, as in a fast demonstration."""
        beats = [beat.at + timedelta(seconds=seconds - beat.received) for beat in self.last_heartbeats.values() if beat]
        return max((now, *beats))

    def unmonitored_partitions(self, seconds: float) -> dict[int, float]:
        """Partitions without a heartbeat for too long, and for how long (s)."""
        still = {
            partition: seconds - (self.started if beat is None else beat.received)
            for partition, beat in self.last_heartbeats.items()
        }
        return {partition: lasts for partition, lasts in still.items() if lasts > SILENT_AFTER_SECONDS}

    def health(self, seconds: float) -> BoardHealth:
        """The health at this moment."""
        silent = self.unmonitored_partitions(seconds)
        if self.fault is not None:
            return BoardHealth(
                tuple(self.last_heartbeats), f"The board cannot read from the brokers ({self.fault}).", None
            )
        if silent:
            longest = duration_text(max(silent.values()))
            if len(silent) == len(self.last_heartbeats):
                return BoardHealth(tuple(silent), f"No sign of life from the judgement for {longest}.", None)
            share = f"{len(silent)} of {len(self.last_heartbeats)} parts"
            return BoardHealth(tuple(silent), f"No sign of life from {share} of the ward for {longest}.", None)
        late = {
            number: beat.behind for number, beat in self.last_heartbeats.items() if beat and beat.behind > BEHIND_AFTER
        }
        if late:
            behind = duration_text(max(late.values()).total_seconds())
            return BoardHealth(tuple(late), f"The judgement is {behind} behind: it is catching up.", None)
        if self.loading:
            return BoardHealth((), None, "Reading the ward …")
        if None in self.last_heartbeats.values():
            return BoardHealth((), None, "Waiting for the first sign of life of the judgement …")
        return BoardHealth((), None, None)


def duration_text(seconds: float) -> str:
    """A duration as text, in seconds or, from two minutes on, in minutes."""
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
