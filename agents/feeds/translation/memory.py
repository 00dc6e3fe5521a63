"""What was stated before: repeats are dropped, corrections and voids refer to the last id of their event.

An event keeps its statements for life: when one of them changes, the whole event is sent anew with the others as they
stand. No I/O and no clock; the same messages in the same order always give the same events.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from agents.feeds.translation.lines import Line, rounds
from agents.feeds.translation.outcome import Outcome
from agents.feeds.translation.statements import Draft, Fields, Part, event_of, first_id, joined, later_id

MOST_STATEMENTS = 2_000_000


@dataclass(slots=True)
class Memory:
    """All statements by their key, and by what they belong to (a FHIR resource, a patient's movements).

    `attempt`, then `confirm` or `take_back`: a message whose events could not be sent must find the memory as it was
    when it is sent again. `undo`: the steps that take the attempt back; None outside one.
    """

    lines: dict[str, Line] = field(default_factory=dict)
    groups: dict[str, list[str]] = field(default_factory=dict)
    versions: dict[str, int] = field(default_factory=dict)
    cancels: set[str] = field(default_factory=set)
    most: int = MOST_STATEMENTS
    forgotten: int = 0
    monitored: deque[str] = field(default_factory=deque)
    undo: list[Callable[[], object]] | None = None

    def attempt(self) -> None:
        """From here on, until `confirm`, everything can be taken back."""
        self.undo = []

    def confirm(self) -> None:
        """What was remembered since `attempt` stands."""
        self.undo = None

    def take_back(self) -> None:
        """Everything is again as it was at `attempt`; only what was forgotten for its age stays so."""
        for step in reversed(self.undo or ()):
            step()
        self.undo = None

    def _undo_by(self, step: Callable[[], object]) -> None:
        if self.undo is not None:
            self.undo.append(step)

    def take(self, draft: Draft, outcome: Outcome) -> Iterator[Fields]:
        """The events that a draft makes, after what was stated before; counts what makes none."""
        for parts in rounds(draft.parts):
            fresh: list[Part] = []
            changed: dict[int, tuple[Line, list[Part]]] = {}
            for part in parts:
                line = self.lines.get(part.key)
                if line is None:
                    fresh.append(part)
                    continue
                if self.undo is not None:
                    self.undo.append(line.saved())
                if self._is_news(line, part, draft, outcome):
                    changed.setdefault(id(line), (line, []))[1].append(part)
            for line, its in changed.values():
                yield from self._change(draft, line, its)
            yield from self._begin(draft, fresh, outcome)

    def is_fresh(self, draft: Draft) -> bool:
        """Whether nothing of a draft was stated before, and nothing of it is a correction, a void or there twice."""
        lines = self.lines
        for part in draft.parts:
            if part.key in lines or part.corrected or part.fields is None:
                return False
        return len({part.key for part in draft.parts}) == len(draft.parts)

    def remember(self, draft: Draft, event_id: str) -> None:
        """Keeps a fresh draft, which was sent as an event of this id."""
        self._keep(draft, event_id, {part.key: part.fields for part in draft.parts})

    def _keep(self, draft: Draft, event_id: str, stated: dict[str, Fields | None]) -> None:
        """Keeps the statements of a new event. Beyond the bound the oldest readings of monitors go, and are counted."""
        line = Line(draft.type, draft.patient_id, draft.at, event_id, draft.common, False, stated)
        line.versions = dict.fromkeys(stated, draft.version)
        self.lines.update(dict.fromkeys(stated, line))
        self._undo_by(lambda: [self.lines.pop(key, None) for key in line.fields])
        if draft.common.get("source") == "monitor":
            self.monitored.extend(stated)
        while len(self.lines) > self.most and self.monitored:
            self._forget(self.monitored.popleft())

    def _forget(self, key: str) -> None:
        """Drops a statement, and what is known of the resource that it came in."""
        if self.lines.pop(key, None) is not None:
            self.forgotten += 1
            group = key.partition("\x1f")[0]
            self.groups.pop(group, None)
            self.versions.pop(group, None)

    def _is_news(self, line: Line, part: Part, draft: Draft, outcome: Outcome) -> bool:
        """Whether a statement changes what stands: neither older than it nor the same."""
        known, version = line.versions[part.key], draft.version
        elsewhere = line.patient_id != draft.patient_id or (line.at.ms != draft.at.ms and not draft.timeless)
        same = part.fields == line.fields[part.key] and not (elsewhere and part.fields is not None)
        if same:
            outcome.skip("repeat")
        elif known is not None and version is not None and version < known:
            outcome.skip("overtaken")
            return False
        if version is not None and (known is None or version > known):
            line.versions[part.key] = version
        return not same

    def _change(self, draft: Draft, line: Line, parts: list[Part]) -> Iterator[Fields]:
        """The event anew, with its statements as they then stand; a void when none is left."""
        line.fields.update({part.key: part.fields for part in parts})
        if not line.standing:
            yield self._void(draft, line)
            return
        replaces: str | None = None if line.is_void else line.event_id
        if line.patient_id != draft.patient_id:
            yield self._void(draft, line)
            replaces = None
        line.patient_id, line.at, line.common = draft.patient_id, draft.at, {**line.common, **draft.common}
        fields = joined(line.standing)
        event_id = later_id(line.fields, fields, draft.at, line.event_id)
        line.event_id, line.is_void = event_id, False
        yield event_of(draft, event_id, fields, replaces, line.common)

    def _void(self, draft: Draft, line: Line) -> Fields:
        """Takes the whole event back from the patient whom it was of."""
        event_id = later_id(line.fields, None, line.at, line.event_id)
        event = event_of(draft, event_id, None, line.event_id, line.common)
        event.update(patient_id=line.patient_id, effective_at=line.at.text)
        line.event_id, line.is_void = event_id, True
        return event

    def _begin(self, draft: Draft, parts: list[Part], outcome: Outcome) -> Iterator[Fields]:
        """The first event of statements that are new. A correction of a forgotten one replaces its first id."""
        new = {part.key: part.fields for part in parts if part.fields is not None}
        for _ in range(len(parts) - len(new)):
            outcome.skip("nothing_to_void")
        if not new:
            return
        event_id, replaces, fields = first_id(draft.type, new), None, joined(new.values())
        if any(part.corrected for part in parts if part.fields is not None):
            replaces, event_id = event_id, later_id(new, fields, draft.at, event_id)
        self._keep(draft, event_id, dict(new))
        yield event_of(draft, event_id, fields, replaces, draft.common)

    def belongs(self, group: str, key: str) -> None:
        """Remembers that a statement belongs to a group."""
        keys = self.groups.setdefault(group, [])
        if key not in keys:
            keys.append(key)
            self._undo_by(lambda: keys.remove(key))

    def stands(self, key: str) -> bool:
        """Whether a statement was made and not taken back."""
        line = self.lines.get(key)
        return line is not None and line.fields[key] is not None

    def standing(self, group: str) -> list[str]:
        """The statements of a group that stand, the oldest first."""
        return [key for key in self.groups.get(group, ()) if self.stands(key)]

    def is_done(self, key: str) -> bool:
        """Whether a cancel has taken back what it was about already."""
        return key in self.cancels

    def done(self, key: str) -> None:
        """Remembers that a cancel has taken something back."""
        self.cancels.add(key)
        self._undo_by(lambda: self.cancels.discard(key))

    def is_overtaken(self, group: str, version: int | None) -> bool:
        """Whether a newer version of what a group belongs to has been seen; remembers this one otherwise."""
        known = self.versions.get(group)
        if known is not None and version is not None and version < known:
            return True
        if version is not None:
            self.versions[group] = version
            self._undo_by(lambda: self._set_version(group, known))
        return False

    def _set_version(self, group: str, version: int | None) -> None:
        if version is None:
            self.versions.pop(group, None)
        else:
            self.versions[group] = version
