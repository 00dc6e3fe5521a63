"""Log records made by hand, and a producer that records what it is given instead of sending it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from agents.engine.changelog import Record
from agents.platform import fail_stop
from agents.stream.producer import ConfirmedProducer
from monitor.units import to_datetime

BEGAN = 1_790_000_000_000


class LogRecord(NamedTuple):
    """One record of the log, a second after the one before."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    partition: int = 0
    timestamp_type: int = 1  # the broker's clock


def instant(second: float) -> str:
    """The time so many seconds after BEGAN."""
    return to_datetime(BEGAN + round(second * 1000)).isoformat()


def vitals(offset: int, patient_id: str = "p1", *, at: float | None = None, **signals: Any) -> LogRecord:
    """One observation; by default as many seconds after BEGAN as its offset says."""
    return event(offset, "vitals", patient_id, at=at, **(signals or {"heart_rate_per_min": 90}))


def event(offset: int, kind: str, /, patient_id: str = "p1", *, at: float | None = None, **fields: Any) -> LogRecord:
    """One event; by default as many seconds after BEGAN as its offset says."""
    second = offset if at is None else at
    named = {"type": kind, "event_id": f"e{offset}", "patient_id": patient_id, "effective_at": instant(second)}
    return LogRecord(offset, BEGAN + offset * 1000, patient_id.encode(), json.dumps(named | fields).encode())


def tick(offset: int, *, at: float | None = None) -> LogRecord:
    """A tick, as the ticker writes it."""
    second = offset if at is None else at
    fields = {"type": "tick", "effective_at": instant(second)}
    return LogRecord(offset, BEGAN + round(second * 1000), None, json.dumps(fields).encode())


class Metadata(NamedTuple):
    """A broker's confirmation."""

    offset: int
    timestamp: int = BEGAN
    timestamp_type: int = 1


@dataclass
class RecordingProducer(ConfirmedProducer):
    """Records messages in the order in which they are sent; confirms at once, or when `confirm` is called."""

    at_once: bool = True
    sent: list[tuple[str, Any]] = field(default_factory=list)  # (topic, message), in order
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
        self.sent.append((topic, (key, value, partition, dict(headers))))
        return self._confirmation(confirmed)

    async def append(self, topic: str, partition: int, records: Iterable[Record]) -> list[asyncio.Future[Metadata]]:
        self.sent.append((topic, (partition, list(records))))
        return [self._confirmation(None)]

    def _confirmation(self, confirmed: Any) -> asyncio.Future[Metadata]:
        confirmation: asyncio.Future[Metadata] = asyncio.get_running_loop().create_future()
        if confirmed is not None:
            confirmation.add_done_callback(lambda done: confirmed(done.result()))
        self.unconfirmed.append(confirmation)
        if self.at_once:
            self.confirm()
        return confirmation

    def confirm(self) -> None:
        """The brokers confirm everything so far."""
        for confirmation in self.unconfirmed:
            confirmation.set_result(Metadata(len(self.sent)))
        self.unconfirmed.clear()

    def topics(self) -> list[str]:
        """The topics that messages went to, in order, each run of one topic once."""
        names = [topic.rpartition(".")[2] for topic, _ in self.sent]
        return [name for at, name in enumerate(names) if at == 0 or name != names[at - 1]]

    def of(self, topic: str) -> list[Any]:
        """The messages of one topic."""
        return [message for name, message in self.sent if name.endswith(topic)]


class FailStop(BaseException):
    """Raised instead of ending the process."""


def stop_instead_of_exit(monkeypatch: Any, *modules: Any) -> None:
    """Makes `fail_stop` raise FailStop, in these modules too."""

    def raised(reason: str, detail: object = "", code: int = fail_stop.STOPPED) -> None:
        raise FailStop(f"{reason}: {detail}", code)

    for module in (fail_stop, *modules):
        monkeypatch.setattr(module, "fail_stop", raised)
