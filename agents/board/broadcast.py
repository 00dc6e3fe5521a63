"""Sends changes of the ward to all open pages, as server-sent events."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import UTC, datetime
from hashlib import sha256
from importlib import resources
from time import monotonic
from typing import Any

from pydantic_core import to_json

from agents.board.liveness import BoardHealth, Liveness
from agents.board.patient_card import card
from agents.board.pseudonyms import Pseudonyms
from agents.board.ward import BoardWard
from agents.platform.json_types import Json

REFRESH_SECONDS = 0.5
STATUS_SECONDS = 2.0
MAX_QUEUED_MESSAGES = 64
MAX_VIEWERS = 100
PAGES = ("board.html", "enter.html")
ASSETS = ("board.css", "board.js", "answering.js", "details.js", "draw.js", "elements.js", "ward.js", "labels.js")

MessageQueue = asyncio.Queue[bytes | None]


class Broadcaster:
    """Renders patients that have changed and publishes them. A viewer that reads too slowly is disconnected."""

    def __init__(self, ward: BoardWard, liveness: Liveness, pseudonyms: Pseudonyms) -> None:
        self.ward, self.liveness, self.pseudonyms = ward, liveness, pseudonyms
        self.page_version = page_version()
        self.cards: dict[str, Json] = {}
        self._encoded: dict[str, bytes] = {}
        self._due_at: dict[str, datetime] = {}
        self._queues: set[MessageQueue] = set()
        self._status_sent = 0.0

    async def run(self) -> None:
        """Refreshes until it is cancelled."""
        while True:
            self.refresh(self.clock(), monotonic())
            await asyncio.sleep(REFRESH_SECONDS)

    def clock(self) -> datetime:
        """The time of the board, see `Liveness.clock`."""
        return self.liveness.clock(datetime.now(UTC), monotonic())

    def refresh(self, at: datetime, seconds: float) -> None:
        """Publishes the patients that have changed, also through time alone: a snooze ends, the next dose is possible.

        `at`: the time of the board; `seconds`: monotonic.
        """
        self.ward.remove_departed(at)
        due = {patient_id for patient_id, when in self._due_at.items() if when <= at}
        changed, self.ward.changed = self.ward.changed | due, set()
        encoded = [message for patient_id in changed if (message := self._render(patient_id, at)) is not None]
        if encoded:
            self._publish(event("patients", b"[" + b",".join(encoded) + b"]"))
        if encoded or seconds - self._status_sent >= STATUS_SECONDS:
            self._status_sent = seconds
            self._publish(event("pulse", to_json(self.status(at, self.liveness.health(seconds)))))

    def _render(self, patient_id: str, at: datetime) -> bytes | None:
        """The JSON to send, None if it is as before. For a patient who was removed it holds only the reference."""
        self._due_at.pop(patient_id, None)
        patient = self.ward.patients.get(patient_id)
        if patient is None:
            self.cards.pop(patient_id, None)
            gone = self._encoded.pop(patient_id, None)
            return gone and to_json({"reference": self.pseudonyms.reference_of(patient_id), "gone": True})
        content, changes_at = card(patient, self.pseudonyms, at)
        if changes_at is not None:
            self._due_at[patient_id] = changes_at
        encoded = to_json(content)
        if self._encoded.get(patient_id) == encoded:
            return None
        self.cards[patient_id], self._encoded[patient_id] = content, encoded
        return encoded

    def status(self, at: datetime, health: BoardHealth) -> dict[str, Any]:
        """The content of a `pulse` event: the time, and whether the data on the page is current."""
        return {
            "at": at,
            "edition": self.page_version,
            "blind": health.unmonitored,
            "parts": len(self.liveness.last_heartbeats),
            "words": health.problem,
            "waiting": health.waiting,
            "unreadable": self.ward.unreadable,
        }

    def find_alert(self, key: str) -> tuple[str, str] | None:
        """Patient id and alert id for the key that the page uses for an open alert; None: no such alert is open."""
        for patient_id, content in self.cards.items():
            if any(alert["key"] == key for alert in content["alerts"]):
                patient = self.ward.patients[patient_id]
                ids = (brief.alert_id for brief, _ in patient.open_alerts())
                return next(
                    ((patient_id, one) for one in ids if self.pseudonyms.alert_key(patient_id, one) == key), None
                )
        return None

    @property
    def is_full(self) -> bool:
        """Whether the maximum number of viewers is connected."""
        return len(self._queues) >= MAX_VIEWERS

    @property
    def viewer_count(self) -> int:
        """Number of connected viewers."""
        return len(self._queues)

    def subscribe(self, at: datetime, seconds: float) -> MessageQueue:
        """Adds a viewer: a queue that begins with the whole ward. None in the queue: the viewer is disconnected."""
        queue: MessageQueue = asyncio.Queue(MAX_QUEUED_MESSAGES)
        queue.put_nowait(event("ward", b"[" + b",".join(self._encoded.values()) + b"]"))
        queue.put_nowait(event("pulse", to_json(self.status(at, self.liveness.health(seconds)))))
        self._queues.add(queue)
        return queue

    def unsubscribe(self, queue: MessageQueue) -> None:
        """Removes a viewer that has disconnected."""
        self._queues.discard(queue)

    def close(self) -> None:
        """Disconnects all viewers."""
        self._disconnect(list(self._queues))

    def _publish(self, message: bytes) -> None:
        for queue in self._queues:
            if not queue.full():
                queue.put_nowait(message)
        self._disconnect([queue for queue in self._queues if queue.full()])

    def _disconnect(self, queues: Iterable[MessageQueue]) -> None:
        for queue in queues:
            self._queues.discard(queue)
            while not queue.empty():
                queue.get_nowait()
            queue.put_nowait(None)


def event(kind: str, data: bytes) -> bytes:
    """One server-sent event. `data` is JSON without line breaks."""
    return b"event: " + kind.encode() + b"\ndata: " + data + b"\n\n"


def asset(name: str) -> str:
    """The text of one of the page's files."""
    return (resources.files("agents.board") / name).read_text(encoding="utf-8")


def page_version() -> str:
    """A hash of all files of the page: an open page reloads when the server has another one."""
    return sha256("".join(asset(name) for name in (*PAGES, *ASSETS)).encode()).hexdigest()[:12]
