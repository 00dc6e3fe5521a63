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

LOOK_SECONDS = 0.5
PULSE_SECONDS = 2.0
WAITING_MESSAGES = 64
VIEWERS_AT_MOST = 100
PAGES = ("board.html", "enter.html")
PARTS = ("board.css", "board.js", "answering.js", "details.js", "draw.js", "elements.js", "ward.js", "words.js")

Messages = asyncio.Queue[bytes | None]


class Broadcaster:
    """Draws each patient anew when something has changed, and says it to all. A viewer who is too slow is let go."""

    def __init__(self, ward: BoardWard, pulse: Liveness, discretion: Pseudonyms) -> None:
        self.ward, self.pulse, self.discretion = ward, pulse, discretion
        self.edition = edition()
        self.pictures: dict[str, Json] = {}
        self._drawn: dict[str, bytes] = {}
        self._changes_at: dict[str, datetime] = {}
        self._queues: set[Messages] = set()
        self._pulsed = 0.0

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            self.look(self.clock(), monotonic())
            await asyncio.sleep(LOOK_SECONDS)

    def clock(self) -> datetime:
        """What time it is on the board."""
        return self.pulse.clock(datetime.now(UTC), monotonic())

    def look(self, at: datetime, seconds: float) -> None:
        """Whatever has changed, also by itself: a quiet hour that ends, a dose that may be given now."""
        self.ward.sweep(at)
        due = {patient_id for patient_id, when in self._changes_at.items() if when <= at}
        changed, self.ward.changed = self.ward.changed | due, set()
        drawn = [message for patient_id in changed if (message := self._draw(patient_id, at)) is not None]
        if drawn:
            self._say(event("patients", b"[" + b",".join(drawn) + b"]"))
        if drawn or seconds - self._pulsed >= PULSE_SECONDS:
            self._pulsed = seconds
            self._say(event("pulse", to_json(self.says(at, self.pulse.sight(seconds)))))

    def _draw(self, patient_id: str, at: datetime) -> bytes | None:
        """The patient's picture if it is a new one; who is gone is said by reference alone."""
        self._changes_at.pop(patient_id, None)
        patient = self.ward.patients.get(patient_id)
        if patient is None:
            self.pictures.pop(patient_id, None)
            gone = self._drawn.pop(patient_id, None)
            return gone and to_json({"reference": self.discretion.of(patient_id), "gone": True})
        picture, changes_at = card(patient, self.discretion, at)
        if changes_at is not None:
            self._changes_at[patient_id] = changes_at
        drawn = to_json(picture)
        if self._drawn.get(patient_id) == drawn:
            return None
        self.pictures[patient_id], self._drawn[patient_id] = picture, drawn
        return drawn

    def says(self, at: datetime, sight: BoardHealth) -> dict[str, Any]:
        """The pulse of the page: the clock, and whether the board sees."""
        return {
            "at": at,
            "edition": self.edition,
            "blind": sight.blind,
            "parts": len(self.pulse.beats),
            "words": sight.words,
            "waiting": sight.waiting,
            "unreadable": self.ward.unreadable,
        }

    def find(self, key: str) -> tuple[str, str] | None:
        """Patient and alert behind the key of an open alert that the page shows."""
        for patient_id, picture in self.pictures.items():
            if any(alert["key"] == key for alert in picture["alerts"]):
                patient = self.ward.patients[patient_id]
                ids = (brief.alert_id for brief, _ in patient.standing())
                return next(((patient_id, one) for one in ids if self.discretion.key(patient_id, one) == key), None)
        return None

    @property
    def full(self) -> bool:
        """No more can look."""
        return len(self._queues) >= VIEWERS_AT_MOST

    @property
    def number(self) -> int:
        """How many are looking."""
        return len(self._queues)

    def join(self, at: datetime, seconds: float) -> Messages:
        """A new viewer, who first gets the whole ward. None among the messages: this viewer is let go."""
        queue: Messages = asyncio.Queue(WAITING_MESSAGES)
        queue.put_nowait(event("ward", b"[" + b",".join(self._drawn.values()) + b"]"))
        queue.put_nowait(event("pulse", to_json(self.says(at, self.pulse.sight(seconds)))))
        self._queues.add(queue)
        return queue

    def leave(self, queue: Messages) -> None:
        """One who does not look any more."""
        self._queues.discard(queue)

    def close(self) -> None:
        """The board closes: everybody is let go."""
        self._let_go(list(self._queues))

    def _say(self, message: bytes) -> None:
        for queue in self._queues:
            if not queue.full():
                queue.put_nowait(message)
        self._let_go([queue for queue in self._queues if queue.full()])

    def _let_go(self, queues: Iterable[Messages]) -> None:
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


def edition() -> str:
    """A page of another edition loads itself anew."""
    return sha256("".join(asset(name) for name in (*PAGES, *PARTS)).encode()).hexdigest()[:12]
