"""What watching a patient's feeds remembers: when vitals last came, what was implausible, whose clock ran ahead."""

from __future__ import annotations

from collections.abc import Iterable

from monitor.model import FeedHealth, ImplausibleReadings
from monitor.record import latest_values
from schemas.events import PatientEventType, Vitals

MAX_IMPLAUSIBLE_READINGS = 8


def feed_of(event: PatientEventType) -> str:
    """Whose clock an event was told by."""
    return f"{event.type}:{event.device_id or ''}" if isinstance(event, Vitals) else event.type


def update(watch: FeedHealth, event: PatientEventType, implausible: Iterable[str], at: int) -> FeedHealth:
    """What is remembered after an event. `implausible`: signals that were taken out of it."""
    if watch.clock_ahead_at is not None and watch.clock_ahead_feed == feed_of(event):
        # Another feed's clock being right mends nothing.
        watch = watch._replace(clock_ahead_at=None, clock_ahead_feed=None)
    if not isinstance(event, Vitals):
        return watch
    rejects = {r.signal: r.times for r in watch.rejects if getattr(event, r.signal, None) is None}
    for signal in set(implausible):
        rejects[signal] = tuple(sorted((*rejects.get(signal, ()), at))[-MAX_IMPLAUSIBLE_READINGS:])
    watch = watch._replace(rejects=tuple(ImplausibleReadings(s, t) for s, t in sorted(rejects.items())))
    judged = any(getattr(event, name) is not None for name in latest_values.DISPLAYED)
    if judged and at >= watch.vitals_at and event.status != "entered_in_error":
        # Of two sources of one instant the monitor's, which is missed sooner.
        charted = event.source == "charted" and (at > watch.vitals_at or watch.vitals_charted)
        watch = watch._replace(vitals_at=at, vitals_charted=charted)
    return watch
