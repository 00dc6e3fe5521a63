"""The health of a patient's feeds: when vitals last came, implausible values, clock skew.

The alerts about it are in alerts/feed_alerts.py.
"""

from __future__ import annotations

from collections.abc import Iterable

from monitor.model import FeedHealth, ImplausibleReadings
from monitor.record import latest_values
from schemas.events import PatientEventType, Vitals
from schemas.patient_event import Void

MAX_IMPLAUSIBLE_READINGS = 8


def feed_of(event: PatientEventType) -> str:
    """The feed whose clock an event came with: its type and device."""
    return f"{event.type}:{event.device_id or ''}" if isinstance(event, Vitals | Void) else event.type


def with_clock_ahead(health: FeedHealth, event: PatientEventType, log_at: int) -> FeedHealth:
    """The health after an event from the future, which is not judged."""
    return health._replace(clock_ahead_at=log_at, clock_ahead_feed=feed_of(event))


def update(health: FeedHealth, event: PatientEventType, implausible: Iterable[str], at: int) -> FeedHealth:
    """The health after an event at a bedside time (ms). `implausible`: signals that were removed from it."""
    if health.clock_ahead_at is not None and health.clock_ahead_feed == feed_of(event):
        # Only an event of the same feed shows that its clock is right again.
        health = health._replace(clock_ahead_at=None, clock_ahead_feed=None)
    if not isinstance(event, Vitals):
        return health
    rejects = {r.signal: r.times for r in health.rejects if getattr(event, r.signal, None) is None}
    for signal in set(implausible):
        rejects[signal] = tuple(sorted((*rejects.get(signal, ()), at))[-MAX_IMPLAUSIBLE_READINGS:])
    health = health._replace(rejects=tuple(ImplausibleReadings(s, t) for s, t in sorted(rejects.items())))
    has_signal = any(getattr(event, name) is not None for name in latest_values.DISPLAYED)
    if has_signal and at >= health.vitals_at:
        # Of two sources at one instant the monitor's counts: its silence is noticed sooner.
        charted = event.source == "charted" and (at > health.vitals_at or health.vitals_charted)
        health = health._replace(vitals_at=at, vitals_charted=charted)
    return health
