"""The log format: a number that says which types of events a build can read from the log.

A build that adds a type of event, or a kind of assessment, counts LOG_FORMAT up and enters the type with that number.
Workers announce their number in every heartbeat. Intake appends an event of a type to the log only once the worker of
each partition can read it: an older worker would refuse it. docs/upgrade.md has the order of an update.
"""

from __future__ import annotations

from schemas.events import JudgedEvent, Tick
from schemas.patient_event import Void

LOG_FORMAT = 1  # of this build
FIRST_LOG_FORMAT = 1  # of a build whose heartbeats do not say it
# The log format from which on a type exists; of an assessment its kind counts.
SINCE: dict[str, int] = {
    "vitals": 1,
    "medication": 1,
    "patient": 1,
    "attribution": 1,
    "acknowledge": 1,
    "snooze": 1,
    "infection_workup": 1,
    "note": 1,
    "neuro": 1,
    "labs": 1,
    "void": 1,
    "story": 1,
    "tick": 1,
}


def type_of(event: JudgedEvent) -> str:
    """The type of an event by which the table goes: of an assessment its kind; a void is a type of its own."""
    if isinstance(event, Void):
        return "void"
    kind: str = event.type if isinstance(event, Tick) else getattr(event, "kind", event.type)
    return kind


def log_format_of(event: JudgedEvent) -> int:
    """The log format that a worker must know to read this event."""
    return SINCE[type_of(event)]
