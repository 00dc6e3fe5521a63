"""Counts of a translation: what was sent, refused, not understood and left out."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from agents.feeds.translation.outcome import Outcome, Unmapped
from schemas.decoded import Decoded


@dataclass(slots=True)
class Summary:
    """The counts of all messages so far."""

    messages: int = 0
    events: Counter[str] = field(default_factory=Counter)
    dead_letters: Counter[str] = field(default_factory=Counter)
    unmapped: Counter[Unmapped] = field(default_factory=Counter)
    left_out: Counter[str] = field(default_factory=Counter)

    def add(self, outcome: Outcome) -> None:
        """Counts one message."""
        self.messages += 1
        self.events.update(type_of(one.decoded) for one in outcome.events)
        self.dead_letters.update(letter.reason for letter in outcome.letters)
        self.unmapped.update(outcome.unmapped)
        self.left_out.update(outcome.left_out)

    def as_json(self) -> dict[str, Any]:
        """The summary as `translate --summary` writes it; what is not understood most often comes first."""
        return {
            "messages": self.messages,
            "events": dict(self.events),
            "dead_letters": dict(self.dead_letters),
            "unmapped": [
                {"system": one.system, "code": one.code, "text": one.text, "count": count}
                for one, count in self.unmapped.most_common()
            ],
            "left_out": dict(self.left_out),
        }


def type_of(decoded: Decoded) -> str:
    """The type of an event."""
    return decoded.event.type
