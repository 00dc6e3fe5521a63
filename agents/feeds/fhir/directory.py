"""Patients and medications by the references to them, and the id by which a patient is known."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from agents.feeds.fhir.elements import Concept, Identifier, Reference
from agents.feeds.fhir.resources import Medication, Patient
from agents.feeds.translation.systems import Coding

Resource = Mapping[str, Any]


class Directory:
    """All Patient and Medication resources that are known. One that cannot be read is not."""

    def __init__(self) -> None:
        self.patients: dict[str, Patient] = {}
        self.medications: dict[str, Medication] = {}

    def add(self, resource: Resource, full_url: str | None = None) -> None:
        """Takes in a resource, or all entries of a bundle."""
        kind = resource.get("resourceType")
        if kind == "Bundle":
            for entry, inner in entries_of(resource):
                self.add(inner, entry.get("fullUrl"))
        elif kind in ("Patient", "Medication"):
            names = [f"{kind}/{resource.get('id')}", *([full_url] if isinstance(full_url, str) else ())]
            try:
                if kind == "Patient":
                    self.patients.update(dict.fromkeys(names, msgspec.convert(resource, Patient)))
                else:
                    self.medications.update(dict.fromkeys(names, msgspec.convert(resource, Medication)))
            except msgspec.ValidationError:
                return

    def patient_id(
        self, reference: Reference | None, wanted: Sequence[str], contained: Iterable[Resource]
    ) -> str | None:
        """The patient of a reference: by an identifier of the list, else by the resource's id, if that is listed."""
        if reference is None:
            return None
        local = inner(reference, contained, "Patient", Patient)
        name = relative(reference.reference or "")
        found = local or self.patients.get(reference.reference or "") or self.patients.get(name)
        if found is not None:
            return id_of(found, wanted)
        by_identifier = identified([reference.identifier] if reference.identifier is not None else [], wanted)
        is_patient = name.startswith("Patient/") and "id" in wanted
        return by_identifier or (name.removeprefix("Patient/") or None if is_patient else None)

    def medication(self, reference: Reference | None, contained: Iterable[Resource]) -> Concept | None:
        """A referenced medication: its code, its only ingredient, or how the reference calls it."""
        if reference is None:
            return None
        local = inner(reference, contained, "Medication", Medication)
        named = reference.reference or ""
        found = local or self.medications.get(named) or self.medications.get(relative(named))
        concept = None if found is None else found.code or only_ingredient(found)
        return concept or (Concept(text=reference.display) if reference.display else None)


def only_ingredient(medication: Medication) -> Concept | None:
    """What a medication without a code is made of, where that is one thing."""
    items = [one.item_codeable_concept or (one.item.concept if one.item else None) for one in medication.ingredient]
    return items[0] if len(items) == 1 else None


def entries_of(bundle: Resource) -> Iterator[tuple[Resource, Resource]]:
    """The entries of a bundle that hold a resource, with it."""
    entries = bundle.get("entry")
    for entry in entries if isinstance(entries, list) else ():
        if isinstance(entry, dict) and isinstance(entry.get("resource"), dict):
            yield entry, entry["resource"]


def relative(reference: str) -> str:
    """A reference as `Type/id`, without server and version."""
    parts = reference.partition("/_history/")[0].rstrip("/").split("/")
    return "/".join(parts[-2:])


def inner(reference: Reference, contained: Iterable[Resource], kind: str, struct: Any) -> Any:
    """The contained resource of a reference `#id`; None when there is none."""
    for one in contained:
        if one.get("resourceType") == kind and f"#{one.get('id')}" == reference.reference:
            try:
                return msgspec.convert(one, struct)
            except msgspec.ValidationError:
                return None
    return None


def id_of(patient: Patient, wanted: Sequence[str]) -> str | None:
    """The id of a patient: the first of the list that it has; `id` is that of the resource."""
    for one in wanted:
        found = patient.id if one == "id" else identified(patient.identifier, (one,))
        if found:
            return found
    return None


def identified(identifiers: Iterable[Identifier], wanted: Sequence[str]) -> str | None:
    """The value of the first identifier of the list: `TYPE@AUTHORITY`, `TYPE` or `*`."""
    identifiers = [one for one in identifiers if one.value]
    for each in wanted:
        kind, _, authority = each.partition("@")
        for one in identifiers:
            issuers = {one.system, one.assigner.display if one.assigner is not None else None}
            kinds = {coding.code for coding in one.type.coding} if one.type is not None else set()
            if kind == "*" or (kind in kinds and (not authority or authority in issuers)):
                return one.value
    return None


def codings_of(concept: Concept | None) -> tuple[Coding, ...]:
    """The codings of a concept as the tables look them up."""
    if concept is None:
        return ()
    return tuple(Coding(one.system or "", one.code or "", one.display or "") for one in concept.coding)


def texts_of(concept: Concept | None) -> list[str]:
    """All that a concept says in words or codes: its text, displays and codes."""
    if concept is None:
        return []
    displays = [one.display for one in concept.coding] + [one.code for one in concept.coding]
    return [text for text in (concept.text, *displays) if text]
