"""What holds for one resource: its sender, version and times."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from agents.feeds.fhir.directory import Directory
from agents.feeds.fhir.elements import Meta, Reference
from agents.feeds.translation.memory import Memory
from agents.feeds.translation.moments import Moment, fhir_moment
from agents.feeds.translation.outcome import Outcome
from agents.feeds.translation.settings import FeedSettings, Sender
from agents.feeds.translation.statements import Draft, Part, digest
from agents.feeds.translation.tables import Tables


@dataclass(slots=True)
class Context:
    """One resource on its way through the translation. `group`: its type and id, which all of its statements share."""

    settings: FeedSettings
    sender: Sender
    directory: Directory
    memory: Memory
    outcome: Outcome
    group: str
    received: Moment | None
    version: int | None

    @property
    def tables(self) -> Tables:
        """The tables of the site and ours."""
        return self.settings.tables

    def key(self, *parts: str) -> str:
        """A statement of this resource."""
        return "\x1f".join((self.group, *parts))

    def patient(self, subject: Reference | None, contained: Sequence[dict[str, object]]) -> str | None:
        """The patient, or None with a dead letter."""
        found = self.directory.patient_id(subject, self.sender.identifiers, contained)
        if found is None:
            self.outcome.refuse("no_patient", "subject: no identifier of the list, and no id that may be used")
        return found

    def moment(self, candidates: Iterable[tuple[str, str | None]]) -> Moment | None:
        """The first of these times that is there; None, with a dead letter, for none or one that is no time."""
        for where, written in candidates:
            if written:
                found = fhir_moment(written)
                if isinstance(found, Moment):
                    return found
                self.outcome.refuse(found, f"{where}: must be a time with its offset")
                return None
        self.outcome.refuse("missing_field", "effective: says when it was true")
        return None

    def take_back(self, keep: Iterable[str] = ()) -> Iterator[Draft]:
        """Voids for all statements of this resource that stand, but for those to keep."""
        keep = set(keep)
        for key in self.memory.standing(self.group):
            if key not in keep:
                line = self.memory.lines[key]
                yield Draft(line.type, line.patient_id, line.at, self.received, [Part(key, None)], self.version)

    def void(self) -> Iterator[Draft]:
        """Voids for all that this resource states; counts one that never stated anything."""
        drafts = list(self.take_back())
        if not drafts:
            self.outcome.skip("repeat" if self.memory.groups.get(self.group) else "nothing_to_void")
        yield from drafts

    def draft(self, draft: Draft) -> Draft:
        """A draft of this resource, whose statements can be taken back with it."""
        for part in draft.parts:
            self.memory.belongs(self.group, part.key)
        return draft


def context_of(
    settings: FeedSettings, directory: Directory, memory: Memory, outcome: Outcome, kind: str, name: str, meta: Meta
) -> Context:
    """The context of a resource. `name`: its id, or what else makes it unique."""
    received = fhir_moment(meta.last_updated) if meta.last_updated else None
    at = received if isinstance(received, Moment) else None
    version = int(meta.version_id) if meta.version_id and meta.version_id.isdigit() else None if at is None else at.ms
    return Context(
        settings, settings.sender(meta.source or ""), directory, memory, outcome, f"{kind}/{name}", at, version
    )


def name_of(resource_id: str | None, *about: str | None) -> str:
    """A resource's id; for one without, a digest of what it is about."""
    return resource_id or digest(["no id", *(one or "" for one in about)])
