"""An event through its corrections, and the parts of a draft in the order in which they can change one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from agents.feeds.translation.moments import Moment
from agents.feeds.translation.statements import Fields, Part
from schemas.topics import EventType


@dataclass(slots=True)
class Line:
    """An event through its corrections: its last id, where and when it is, and its statements as they stand."""

    type: EventType
    patient_id: str
    at: Moment
    event_id: str
    common: Fields
    is_void: bool = False
    fields: dict[str, Fields | None] = field(default_factory=dict)
    versions: dict[str, int | None] = field(default_factory=dict)

    @property
    def standing(self) -> list[Fields]:
        """The fields of every statement that stands."""
        return [fields for fields in self.fields.values() if fields is not None]

    def saved(self) -> Callable[[], None]:
        """What makes this line again what it is now."""
        was = (self.patient_id, self.at, self.event_id, self.common, self.is_void)
        fields, versions = dict(self.fields), dict(self.versions)

        def restore() -> None:
            self.patient_id, self.at, self.event_id, self.common, self.is_void = was
            self.fields, self.versions = fields, versions

        return restore


def rounds(parts: Sequence[Part]) -> list[list[Part]]:
    """The parts, so that none is about the same as another of its round: the later one comes after it."""
    all_rounds: list[list[Part]] = []
    seen: Counter[str] = Counter()
    for part in parts:
        turn = seen[part.key]
        seen[part.key] += 1
        if turn == len(all_rounds):
            all_rounds.append([])
        all_rounds[turn].append(part)
    return all_rounds
