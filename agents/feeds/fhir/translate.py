"""A resource or bundle of FHIR as events of the contract: `message, settings, memory -> outcome`, without I/O."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from agents.feeds.fhir.context import Context, context_of, name_of
from agents.feeds.fhir.directory import Directory
from agents.feeds.fhir.elements import Meta
from agents.feeds.fhir.medication import administration, times_of
from agents.feeds.fhir.movement import encounter, patient
from agents.feeds.fhir.observations import observation
from agents.feeds.fhir.resources import Encounter, MedicationAdministration, Observation, Patient
from agents.feeds.translation.delivery import deliver
from agents.feeds.translation.memory import Memory
from agents.feeds.translation.moments import Moment, fhir_moment
from agents.feeds.translation.outcome import Outcome
from agents.feeds.translation.settings import FeedSettings
from agents.feeds.translation.statements import Draft

Resource = Mapping[str, Any]
STRUCTS: dict[str, type[Any]] = {
    "Observation": Observation,
    "MedicationAdministration": MedicationAdministration,
    "Encounter": Encounter,
    "Patient": Patient,
}
# Resources that are only referred to: they are known already, and are no message of their own.
REFERRED_TO = frozenset({"Medication"})


class Translation:
    """The translation of one stream of resources, with what it knows and remembers."""

    def __init__(self, settings: FeedSettings, memory: Memory, directory: Directory) -> None:
        self.settings = settings
        self.memory = memory
        self.directory = directory

    def translate(self, raw: bytes) -> Outcome:
        """What one resource or bundle says. Changes memory and directory, and nothing else."""
        outcome = Outcome()
        resource = resource_in(raw)
        if resource is None:
            outcome.refuse("not_fhir", "no JSON object with a resourceType")
            return outcome
        self.directory.add(resource)
        bundled_at = fhir_moment(resource["timestamp"]) if isinstance(resource.get("timestamp"), str) else None
        for each in resources_in(resource):
            self._one(each, bundled_at if isinstance(bundled_at, Moment) else None, outcome)
        return outcome

    def delete(self, reference: str, outcome: Outcome) -> None:
        """Takes back what a deleted resource (`Type/id`) stated."""
        kind, _, name = reference.partition("/")
        context = context_of(self.settings, self.directory, self.memory, outcome, kind, name, Meta())
        deliver(context.void(), self.memory, outcome)

    def _one(self, resource: Resource, bundled_at: Moment | None, outcome: Outcome) -> None:
        """One resource, or one entry that deletes one."""
        if "delete" in resource:
            self.delete(resource["delete"], outcome)
            return
        kind = resource.get("resourceType")
        if kind not in STRUCTS:
            if kind not in REFERRED_TO:
                outcome.skip("not_for_us")
            return
        try:
            read = msgspec.convert(resource, STRUCTS[kind])
        except msgspec.ValidationError as error:
            outcome.refuse("wrong_type", f"{kind}: {error}")
            return
        context = context_of(self.settings, self.directory, self.memory, outcome, kind, name_in(kind, read), read.meta)
        if self.memory.is_overtaken(context.group, context.version):
            outcome.skip("overtaken")
            return
        deliver(drafts_of(context, read, bundled_at), self.memory, outcome)


def drafts_of(context: Context, resource: Any, bundled_at: Moment | None) -> Iterator[Draft]:
    """The drafts of a resource, by its type."""
    if isinstance(resource, Observation):
        return observation(context, resource)
    if isinstance(resource, MedicationAdministration):
        return administration(context, resource)
    if isinstance(resource, Encounter):
        return encounter(context, resource)
    return patient(context, resource, bundled_at)


def resource_in(raw: bytes) -> dict[str, Any] | None:
    """The resource in some bytes; None when they hold none."""
    try:
        found = msgspec.json.decode(raw)
    except (msgspec.DecodeError, RecursionError):
        return None
    return found if isinstance(found, dict) and isinstance(found.get("resourceType"), str) else None


def resources_in(resource: Resource) -> Iterator[Resource]:
    """The resource itself, or those of a bundle in its order; an entry that deletes one as `{"delete": "Type/id"}`."""
    if resource.get("resourceType") != "Bundle":
        yield resource
        return
    entries = resource.get("entry")
    for entry in entries if isinstance(entries, list) else ():
        if not isinstance(entry, dict):
            continue
        request = entry.get("request")
        if isinstance(request, dict) and request.get("method") == "DELETE" and isinstance(request.get("url"), str):
            yield {"delete": request["url"]}
        elif isinstance(entry.get("resource"), dict):
            yield from resources_in(entry["resource"])


def name_in(kind: str, resource: Any) -> str:
    """The name by which a resource is known: its id; else code, subject and time."""
    if resource.id or kind in ("Patient", "Encounter"):
        return name_of(resource.id, repr(resource) if not resource.id else None)
    subject = repr(resource.subject)
    if isinstance(resource, Observation):
        times = (resource.effective_date_time, resource.effective_instant, repr(resource.effective_period))
        return name_of(None, repr(resource.code), subject, *times)
    concepts = (resource.medication_codeable_concept, resource.medication_reference, resource.medication)
    return name_of(None, repr(concepts), subject, repr(list(times_of(resource))))
