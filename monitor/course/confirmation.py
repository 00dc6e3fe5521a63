"""When a reading counts: charted ones and extremes at once, a monitor's when a second agrees or nothing contradicts."""

from __future__ import annotations

from monitor.model import Reading, Signal


def observe(signal: Signal, reading: Reading, charted: bool, below: int, extreme_below: int) -> Signal:
    """The signal after one more reading. `below` is the limit of this patient; below `extreme_below` counts at once."""
    counted, since, pending = signal
    low = reading.value < below
    changes = counted is None or (counted.value < below) != low
    if charted or (low and reading.value < extreme_below):
        return Signal(reading, reading.at if changes else since, None)
    if pending is not None and (pending.value < below) == low and reading.at > pending.at:
        return Signal(reading, pending.at if changes else since, None)
    if not changes:
        return Signal(reading, since, None)
    return Signal(counted, since, reading)


def confirm_pending(signal: Signal, at: int, below: int, confirm_after: int) -> Signal:
    """The signal once nothing contradicted its pending reading for long enough."""
    counted, since, pending = signal
    if pending is None or at < pending.at + confirm_after:
        return signal
    changes = counted is None or (counted.value < below) != (pending.value < below)
    return Signal(pending, pending.at if changes else since, None)


def contradicted(signal: Signal, value: int, below: int) -> Signal:
    """The signal when its pending reading turns out to lie between readings that disagree with it."""
    counted, since, pending = signal
    if pending is None or (pending.value < below) == (value < below):
        return signal
    return Signal(counted, since, None)


def with_new_limit(signal: Signal, at: int, before: int, now: int) -> Signal:
    """The signal when the patient's limit changed: low since now, if it was not low by the old one."""
    counted = signal.counted
    if counted is None or (counted.value < before) == (counted.value < now):
        return signal
    return Signal(counted, at, signal.pending)
