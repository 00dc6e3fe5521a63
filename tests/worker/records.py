"""Log records made by hand, and an outbox that keeps what it is given."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from agents.engine.changelog import Record
from agents.platform import fail_stop
from monitor.units.instants import to_datetime

BEGAN = 1_790_000_000_000


class LogRecord(NamedTuple):
    """One record of the log, a second after the one before."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    partition: int = 0


def instant(second: float) -> str:
    """So many seconds into the story."""
    return to_datetime(BEGAN + round(second * 1000)).isoformat()


def vitals(offset: int, patient_id: str = "p1", *, at: float | None = None, **signals: Any) -> LogRecord:
    """One observation; by default as many seconds into the story as its offset says."""
    return event(offset, "vitals", patient_id, at=at, **(signals or {"heart_rate_per_min": 90}))


def event(offset: int, kind: str, patient_id: str = "p1", *, at: float | None = None, **fields: Any) -> LogRecord:
    """One event."""
    second = offset if at is None else at
    said = {"type": kind, "event_id": f"e{offset}", "patient_id": patient_id, "effective_at": instant(second)}
    return LogRecord(offset, BEGAN + offset * 1000, patient_id.encode(), json.dumps(said | fields).encode())


def tick(offset: int, *, at: float | None = None) -> LogRecord:
    """The clock."""
    said = {"type": "tick", "effective_at": instant(offset if at is None else at)}
    return LogRecord(offset, BEGAN + offset * 1000, None, json.dumps(said).encode())


class Metadata(NamedTuple):
    """What a broker answers."""

    offset: int
    timestamp: int = BEGAN
    timestamp_type: int = 1


@dataclass
class KeptOutbox:
    """Keeps messages in the order in which they were handed over; confirms at once, or when told to."""

    at_once: bool = True
    told: list[tuple[str, Any]] = field(default_factory=list)  # (topic, what), in order
    unconfirmed: list[asyncio.Future[Metadata]] = field(default_factory=list)

    async def send(
        self,
        topic: str,
        value: bytes,
        key: bytes | None,
        partition: int | None = None,
        headers: Iterable[Any] = (),
        confirmed: Any = None,
    ) -> asyncio.Future[Metadata]:
        self.told.append((topic, (key, value, partition, dict(headers))))
        return self._sent(confirmed)

    async def append(self, topic: str, partition: int, records: Iterable[Record]) -> list[asyncio.Future[Metadata]]:
        self.told.append((topic, (partition, list(records))))
        return [self._sent(None)]

    def _sent(self, confirmed: Any) -> asyncio.Future[Metadata]:
        sent: asyncio.Future[Metadata] = asyncio.get_running_loop().create_future()
        if confirmed is not None:
            sent.add_done_callback(lambda done: confirmed(done.result()))
        self.unconfirmed.append(sent)
        if self.at_once:
            self.confirm()
        return sent

    def confirm(self) -> None:
        """The brokers have everything so far."""
        for sent in self.unconfirmed:
            sent.set_result(Metadata(len(self.told)))
        self.unconfirmed.clear()

    def topics(self) -> list[str]:
        """Where messages went, in order, repeats once."""
        names = [topic.rpartition(".")[2] for topic, _ in self.told]
        return [name for at, name in enumerate(names) if at == 0 or name != names[at - 1]]

    def of(self, topic: str) -> list[Any]:
        """What went to a topic."""
        return [what for name, what in self.told if name.endswith(topic)]


class FailStop(BaseException):
    """Stands in for the end of the process."""


def stop_instead_of_exit(monkeypatch: Any, *modules: Any) -> None:
    """A fail stop is raised and not carried out."""

    def raised(reason: str, detail: object = "", code: int = fail_stop.STOPPED) -> None:
        raise FailStop(f"{reason}: {detail}", code)

    for module in (fail_stop, *modules):
        monkeypatch.setattr(module, "fail_stop", raised)
