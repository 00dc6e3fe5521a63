"""Everybody who looks at the board: what has changed goes to each of them, as server-sent events."""

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
    """Draws each patient anew when something has changed, and says it to all. A viewer who is too slow is let go."""

    def __init__(self, ward: BoardWard, liveness: Liveness, pseudonyms: Pseudonyms) -> None:
        self.ward, self.liveness, self.pseudonyms = ward, liveness, pseudonyms
        self.page_version = page_version()
        self.cards: dict[str, Json] = {}
        self._encoded: dict[str, bytes] = {}
        self._due_at: dict[str, datetime] = {}
        self._queues: set[MessageQueue] = set()
        self._status_sent = 0.0

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            self.refresh(self.clock(), monotonic())
            await asyncio.sleep(REFRESH_SECONDS)

    def clock(self) -> datetime:
        """What time it is on the board."""
        return self.liveness.clock(datetime.now(UTC), monotonic())

    def refresh(self, at: datetime, seconds: float) -> None:
        """Whatever has changed, also by itself: a quiet hour that ends, a dose that may be given now."""
        self.ward.remove_departed(at)
        due = {patient_id for patient_id, when in self._due_at.items() if when <= at}
        changed, self.ward.changed = self.ward.changed | due, set()
        drawn = [message for patient_id in changed if (message := self._render(patient_id, at)) is not None]
        if drawn:
            self._publish(event("patients", b"[" + b",".join(drawn) + b"]"))
        if drawn or seconds - self._status_sent >= STATUS_SECONDS:
            self._status_sent = seconds
            self._publish(event("pulse", to_json(self.status(at, self.liveness.health(seconds)))))

    def _render(self, patient_id: str, at: datetime) -> bytes | None:
        """The patient's picture if it is a new one; who is gone is said by reference alone."""
        self._due_at.pop(patient_id, None)
        patient = self.ward.patients.get(patient_id)
        if patient is None:
            self.cards.pop(patient_id, None)
            gone = self._encoded.pop(patient_id, None)
            return gone and to_json({"reference": self.pseudonyms.reference_of(patient_id), "gone": True})
        picture, changes_at = card(patient, self.pseudonyms, at)
        if changes_at is not None:
            self._due_at[patient_id] = changes_at
        drawn = to_json(picture)
        if self._encoded.get(patient_id) == drawn:
            return None
        self.cards[patient_id], self._encoded[patient_id] = picture, drawn
        return drawn

    def status(self, at: datetime, health: BoardHealth) -> dict[str, Any]:
        """The pulse of the page: the clock, and whether the board sees."""
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
        """Patient and alert behind the key of an open alert that the page shows."""
        for patient_id, picture in self.cards.items():
            if any(alert["key"] == key for alert in picture["alerts"]):
                patient = self.ward.patients[patient_id]
                ids = (brief.alert_id for brief, _ in patient.open_alerts())
                return next(
                    ((patient_id, one) for one in ids if self.pseudonyms.alert_key(patient_id, one) == key), None
                )
        return None

    @property
    def is_full(self) -> bool:
        """No more can look."""
        return len(self._queues) >= MAX_VIEWERS

    @property
    def viewer_count(self) -> int:
        """How many are looking."""
        return len(self._queues)

    def subscribe(self, at: datetime, seconds: float) -> MessageQueue:
        """A new viewer, who first gets the whole ward. None among the messages: this viewer is let go."""
        queue: MessageQueue = asyncio.Queue(MAX_QUEUED_MESSAGES)
        queue.put_nowait(event("ward", b"[" + b",".join(self._encoded.values()) + b"]"))
        queue.put_nowait(event("pulse", to_json(self.status(at, self.liveness.health(seconds)))))
        self._queues.add(queue)
        return queue

    def unsubscribe(self, queue: MessageQueue) -> None:
        """One who does not look any more."""
        self._queues.discard(queue)

    def close(self) -> None:
        """The board closes: everybody is let go."""
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
    """One server-sent event; JSON has no line breaks."""
    return b"event: " + kind.encode() + b"\ndata: " + data + b"\n\n"


def asset(name: str) -> str:
    """A file of the page."""
    return (resources.files("agents.board") / name).read_text(encoding="utf-8")


def page_version() -> str:
    """A page of another edition loads itself anew."""
    return sha256("".join(asset(name) for name in (*PAGES, *ASSETS)).encode()).hexdigest()[:12]
