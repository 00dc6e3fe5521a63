"""Dead letters of a translation: the reasons of all events, and those that only a format has."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from agents.feeds.translation.outcome import Letter, Reason
from schemas.dead_letters import DeadLetter, Origin, dead_letter


class FeedLetter(DeadLetter):
    """A message of HL7 or FHIR that was refused, or of which one row was; `payload` is the whole message."""

    reason: Reason = Field(description="Why, from a closed set.")  # type: ignore[assignment]  # more reasons


def letter_of(letter: Letter, file: str, number: int, raw: bytes, received_at: datetime) -> FeedLetter:
    """The dead letter of a message. `number`: of the message in its file, from 1."""
    common = dead_letter("defect", f"{file}:{number}: {letter.detail}", raw, Origin(None, None, number, received_at))
    return FeedLetter(**{**common.model_dump(), "reason": letter.reason})
