"""What one event did to a patient: the new state, the alerts, the verdicts, what was set aside and what goes on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from monitor.model import State
from monitor.verdicts import Verdict
from schemas.alerts import Alert
from schemas.dead_letters import DeadLetterReason
from schemas.events import PatientEventType


@dataclass(frozen=True, slots=True)
class Rejected:
    """A part of an event, or all of it, that could not be used: a dead letter for the shell to write."""

    signal: str | None
    reason: DeadLetterReason
    detail: str
    event_id: str


class Step(NamedTuple):
    """What one event did."""

    state: State
    alerts: tuple[Alert, ...] = ()
    verdicts: tuple[Verdict, ...] = ()
    rejected: tuple[Rejected, ...] = ()
    forwards: tuple[PatientEventType, ...] = ()
