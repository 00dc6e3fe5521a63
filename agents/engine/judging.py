"""From a decoded message to its judgement and its dead letters: worker, replay and demonstration all go this way.

decoded = decode(value)
result = decoded if isinstance(decoded, Refused) else judge(patients, decoded, log_time_ms)
letters = dead_letters(result, value, origin)
"""

from __future__ import annotations

from agents.engine.patients import Judged, Patients
from monitor.units.instants import to_datetime
from schemas.dead_letters import DeadLetter, Origin, dead_letter
from schemas.decode import Decoded, Refused
from schemas.events import Tick


def judge(patients: Patients, decoded: Decoded, log_time_ms: int, backlog_at: int | None = None) -> Judged:
    """Judges one event for its patient. A tick concerns many patients: see `Patients.tick`.

    `log_time_ms`: when the broker appended the record; it is the event's time of arrival if the event has none.
    `backlog_at`: the same if the event had to wait because no worker was running. What a merge forwards to another
    patient is in `Judged.step.forwards`, for the caller to follow. Never raises for any event.
    """
    event = decoded.event
    assert not isinstance(event, Tick), "a tick is not one patient's"
    at = None if event.received_at is not None else to_datetime(log_time_ms)
    return patients.judge(event.patient_id, event, decoded.implausible, at, backlog_at)


def refusals(result: Refused | Judged) -> tuple[Refused, ...]:
    """Why a message, or a part of it, was not used. Empty: all of it was."""
    if isinstance(result, Refused):
        return (result,)
    return tuple(Refused(rejected.reason, rejected.detail) for rejected in result.step.rejected)


def dead_letters(
    result: Refused | Judged, payload: bytes | None, origin: Origin, place: str = ""
) -> tuple[DeadLetter, ...]:
    """One dead letter for each refusal. `place`: put before the detail, where an offset does not say enough."""
    return tuple(dead_letter(one.reason, place + one.detail, payload, origin) for one in refusals(result))
