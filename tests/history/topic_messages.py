"""The messages that the live system would write to patient-state and alerts, made from events by the engine."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from itertools import islice
from random import Random
from typing import Any, NamedTuple

from agents.engine.patients import Judged
from agents.engine.playback import Playback
from agents.simulation.patients.bed_record import Cadence, Mishaps
from agents.simulation.patients.generator import ward
from monitor.guidelines.in_force import load
from monitor.patient_view import view
from schemas.alerts import Alert
from schemas.decode import decode
from schemas.state import PatientState

GUIDELINE = load()


class Published(NamedTuple):
    """A message as Kafka would carry it."""

    kind: str  # "state" or "alert"
    patient_id: str
    value: bytes
    headers: dict[str, bytes | str | None]

    @property
    def state(self) -> PatientState:
        return PatientState.model_validate_json(self.value)


def published(events: Iterable[dict[str, Any]]) -> list[Published]:
    """Every state after every event and due time, and every alert, in log order."""
    messages: list[Published] = []

    def watch(judged: Judged) -> None:
        offset = len(messages)
        for alert in judged.step.alerts:
            messages.append(alert_message(alert, offset))
        value = view(GUIDELINE, judged.step.state, None, offset).model_dump_json().encode()
        messages.append(Published("state", judged.patient_id, value, {}))

    playback = Playback(GUIDELINE, [watch])
    for event in events:
        value = json.dumps(event).encode()
        playback.feed(decode(value), value)
    return messages


def alert_message(alert: Alert, offset: int) -> Published:
    headers: dict[str, bytes | str | None] = {
        "log_offset": str(offset).encode(),
        "log_partition": b"0",
        "log_appended_ms": str(int(alert.raised_at.timestamp() * 1000)).encode(),
    }
    return Published("alert", alert.patient_id, alert.model_dump_json().encode(), headers)


def ward_events(seed: int, count: int) -> Iterator[dict[str, Any]]:
    """A ward of six, with everything that goes wrong in records."""
    cadence = Cadence(vitals_every_s=300, mishaps=Mishaps(late=0.2, repeated=0.05, corrected=0.1, voided=0.1))
    return islice(ward(Random(seed), 6, datetime(2026, 5, 1, tzinfo=UTC), cadence=cadence), count)


def fever(at: str, celsius: float, **more: Any) -> dict[str, Any]:
    return vitals(at, temperature_celsius=celsius, **more)


def vitals(at: str, **more: Any) -> dict[str, Any]:
    return event("vitals", at) | {"source": "charted"} | more


def given(at: str, drug: str, dose_mg: float, **more: Any) -> dict[str, Any]:
    dose = {"drug": drug, "action": "given", "dose": dose_mg, "dose_unit": "mg", "route": "iv"}
    return event("medication", at) | dose | more


def started(at: str, drug: str, rate: float, **more: Any) -> dict[str, Any]:
    infusion = {"drug": drug, "action": "started", "rate": rate, "rate_unit": "mcg/min", "route": "iv"}
    return event("medication", at) | infusion | more


def event(kind: str, at: str) -> dict[str, Any]:
    """An event on the first of May; `10:19@10:27` is true at 10:19 and received at 10:27."""
    true, _, received = at.partition("@")
    return {
        "type": kind,
        "event_id": f"{kind}-{at}",
        "patient_id": "p-1",
        "effective_at": instant(true),
        "received_at": instant(received or true),
    }


def instant(clock: str) -> str:
    return f"2026-05-01T{clock}:00+00:00"
