"""Patient and Encounter: who is where, since when; and which two records are one patient."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from agents.feeds.fhir.context import Context
from agents.feeds.fhir.directory import id_of
from agents.feeds.fhir.elements import Period
from agents.feeds.fhir.resources import Encounter, Patient, Place
from agents.feeds.translation.moments import Moment, day_of, fhir_moment
from agents.feeds.translation.statements import Draft, Fields, Part

PRESENT = frozenset({"in-progress", "arrived"})
GONE = frozenset({"finished", "completed", "discharged"})
LONGEST_PLACE = 64
BED = "bd"


def encounter(context: Context, resource: Encounter) -> Iterator[Draft]:
    """Admitted at its start, discharged at its end; one that goes on again takes its end back."""
    if resource.status == "entered-in-error":
        yield from context.void()
        return
    period = resource.period or resource.actual_period or Period()
    if resource.status in PRESENT:
        sources, key = [("period.start", period.start)], "admitted"
        fields: Fields = {"status": "admitted", **place_of(resource.location)}
    elif resource.status in GONE:
        sources, key, fields = [("period.end", period.end)], "discharged", {"status": "discharged"}
    elif resource.status == "cancelled":
        changed = ("meta.lastUpdated", resource.meta.last_updated)
        sources, key = [("period.end", period.end), ("period.start", period.start), changed], "discharged"
        fields = {"status": "discharged"}
    else:
        context.outcome.skip("not_for_us")
        return
    at = context.moment(sources)
    patient_id = None if at is None else context.patient(resource.subject, resource.contained)
    if at is not None and patient_id is not None:
        if key == "admitted":
            yield from context.take_back([context.key(key)])
        part = Part(context.key(key), fields)
        yield context.draft(Draft("patient", patient_id, at, context.received, [part], context.version))


def place_of(places: Iterable[Place]) -> Fields:
    """Unit and bed of the active locations, by their displays; `ICU-1, Bed 12` is a bed of a unit."""
    fields: Fields = {}
    for place in places:
        display = (place.location.display if place.location is not None else None) or ""
        if place.status not in (None, "active") or not display:
            continue
        kinds = [one.code for concept in (place.physical_type, place.form) if concept for one in concept.coding]
        unit, _, bed = (part.strip() for part in display.partition(","))
        if BED in kinds and not bed:
            unit, bed = "", unit
        fields |= {name: text[:LONGEST_PLACE] for name, text in (("unit", unit), ("bed", bed)) if text}
    return fields


def patient(context: Context, resource: Patient, bundled_at: Moment | None) -> Iterator[Draft]:
    """Birth date and death, and the record that replaces this one. Without any time it only identifies."""
    at = context.received or bundled_at
    if at is None:
        return
    patient_id = id_of(resource, context.sender.identifiers)
    if patient_id is None:
        context.outcome.refuse("no_patient", "identifier: none of the list, and no id that may be used")
        return
    fields: Fields = {"status": "updated"}
    died_at = fhir_moment(resource.deceased_date_time) if resource.deceased_date_time else None
    if resource.deceased_boolean or resource.deceased_date_time:
        fields["status"] = "died"
    born = day_of(resource.birth_date) if resource.birth_date else None
    if born is not None:
        fields["birth_date"] = born
    true_at = died_at if isinstance(died_at, Moment) else at
    part = Part(context.key("state"), fields)
    yield context.draft(Draft("patient", patient_id, true_at, at, [part], context.version, timeless=True))
    yield from merged(context, resource, patient_id, at)


def merged(context: Context, resource: Patient, patient_id: str, at: Moment) -> Iterator[Draft]:
    """The story goes on under the id of the record that replaces this one."""
    for link in resource.link:
        if link.type == "replaced-by":
            surviving = context.patient(link.other, ())
            if surviving is not None:
                part = Part(context.key("merge", surviving), {"merged_into": surviving})
                yield context.draft(Draft("patient", patient_id, at, at, [part], context.version, timeless=True))
