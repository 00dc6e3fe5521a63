"""One patient at the bedside: events by the minute, in the order of their arrival."""

from __future__ import annotations

from monitor.units import MINUTE, to_datetime
from tests.bedside import Log, as_received
from tests.oracle import Charted

START = 1_772_438_400_000  # 2 March 2026, 08:00 UTC


class Bed:
    """A patient "A" of a log, infused at minute 0 unless `infused` is False; `minutes` count from START."""

    def __init__(self, *, infused: bool = True) -> None:
        self.log = Log()
        self.number = 0
        if infused:
            self.receive(0, type="patient", infused_at=iso(0), weight_kg=80.0)

    @property
    def last_event_id(self) -> str:
        return f"E{self.number}"

    def event(self, minutes: float, **content: object) -> Charted:
        """An event of the contract that was true at a minute."""
        self.number += 1
        named = {"event_id": self.last_event_id, "patient_id": "A", "effective_at": iso(minutes)}
        arrival = as_received({**named, **content})
        assert arrival is not None
        return arrival[0]

    def receive(self, minutes: float, *, received: float | None = None, **content: object) -> list[str]:
        """An event, received at once or at another minute; its alerts as `kind status`."""
        at = START + round((minutes if received is None else received) * MINUTE)
        return [f"{a.kind} {a.status}" for a in self.log.receive(self.event(minutes, **content), at)]

    def vitals(self, minutes: float, *, received: float | None = None, **content: object) -> list[str]:
        """An observation."""
        return self.receive(minutes, received=received, type="vitals", **content)

    def titles(self, kind: str) -> list[str]:
        """The titles of all messages about alerts of a kind."""
        return [alert.title for alert in self.log.alerts["A"] if alert.kind == kind]


def iso(minutes: float) -> str:
    return to_datetime(START + round(minutes * MINUTE)).isoformat()
