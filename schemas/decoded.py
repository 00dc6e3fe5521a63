"""What a message turned out to be: an event, or the reason why it is none."""

from __future__ import annotations

from typing import NamedTuple

from schemas.dead_letters import DeadLetterReason
from schemas.events import JudgedEvent


class ImplausibleSignal(NamedTuple):
    """A signal that was removed from its event because its value is outside the plausible range."""

    signal: str
    value: float | str | None
    detail: str


class Decoded(NamedTuple):
    """An event that may be judged, the signals removed from it, and the names of its unknown fields.

    `respelled`: the message in the spelling that the models read; None when it was written so.
    """

    event: JudgedEvent
    implausible: tuple[ImplausibleSignal, ...] = ()
    unknown_fields: tuple[str, ...] = ()
    respelled: bytes | None = None


class Refused(NamedTuple):
    """Why a message is a dead letter. `detail` names fields and limits, never a value: it may be logged."""

    reason: DeadLetterReason
    detail: str
