"""What became of a message: events, dead letters, and how often something was of no use or not understood."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from schemas.dead_letters import DeadLetterReason
from schemas.decoded import Decoded

FeedReason = Literal[
    "not_hl7", "not_fhir", "bad_charset", "no_patient", "unknown_unit", "code_conflict", "ambiguous_time"
]
Reason = DeadLetterReason | FeedReason
LeftOut = Literal["not_for_us", "no_value", "outranked", "repeat", "overtaken", "nothing_to_void"]
Kind = Literal["signal", "drug", "word"]
LONGEST_SHOWN = 256


class Letter(NamedTuple):
    """Why a message, or a row of it, is a dead letter. `detail` names places and rules, never a value or a patient."""

    reason: Reason
    detail: str


class Unmapped(NamedTuple):
    """A code, drug or word that no table knows."""

    kind: Kind
    system: str
    code: str
    text: str


class Translated(NamedTuple):
    """An event of the contract: as JSON, and as it was decoded again."""

    payload: bytes
    decoded: Decoded


@dataclass(slots=True)
class Outcome:
    """Of one message: what to send, in order, what to set aside, and what to count."""

    events: list[Translated] = field(default_factory=list)
    letters: list[Letter] = field(default_factory=list)
    left_out: Counter[LeftOut] = field(default_factory=Counter)
    unmapped: Counter[Unmapped] = field(default_factory=Counter)

    def refuse(self, reason: Reason, detail: str) -> None:
        """Sets a row, or the whole message, aside as a dead letter."""
        self.letters.append(Letter(reason, detail))

    def skip(self, why: LeftOut) -> None:
        """Counts a row, or a whole message, of which nothing is sent."""
        self.left_out[why] += 1

    def miss(self, kind: Kind, system: str, code: str, text: str) -> None:
        """Counts what no table knows; a byte that was of no character set is shown as a question mark."""
        self.unmapped[Unmapped(kind, *(shown(one) for one in (system, code, text)))] += 1


def shown(text: str) -> str:
    """A text that can be written in any case, and is not longer than a name."""
    return text[:LONGEST_SHOWN].encode("utf-8", "replace").decode("utf-8")
