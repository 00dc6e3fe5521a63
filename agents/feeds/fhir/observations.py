"""Observation with its components: the signals of one resource, grouped to drafts of events."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from agents.feeds.fhir.context import Context
from agents.feeds.fhir.directory import texts_of
from agents.feeds.fhir.elements import Reference
from agents.feeds.fhir.observation_value import Signal, signals_of
from agents.feeds.fhir.resources import Observation
from agents.feeds.translation.moments import Moment
from agents.feeds.translation.statements import Draft, Fields, Part, joined
from schemas.events import SIGNALS
from schemas.field_types import Source
from schemas.labs import LAB_VALUES
from schemas.topics import EventType

VOID_STATUSES = frozenset({"entered-in-error", "cancelled"})
CORRECTED = frozenset({"amended", "corrected"})
VALUE_STATUSES = frozenset({"preliminary", "final", "appended"}) | CORRECTED
PEOPLE = frozenset({"Practitioner", "PractitionerRole", "Patient", "RelatedPerson"})
PRESSURES = frozenset({"systolic_mmhg", "diastolic_mmhg", "mean_arterial_mmhg"})


class Kind(NamedTuple):
    """A type of event, and which of several events of that type: the second value of a signal makes one of its own."""

    type: EventType
    place: int


def observation(context: Context, resource: Observation) -> Iterator[Draft]:
    """The drafts of an observation; what it stated before and no longer states is taken back."""
    if resource.status in VOID_STATUSES:
        yield from context.void()
        return
    if resource.status not in VALUE_STATUSES:
        context.outcome.skip("no_value")
        return
    letters = len(context.outcome.letters)
    signals = without_outranked(context, list(signals_of(context, resource)))
    drafts = list(drafts_of(context, resource, signals)) if signals else []
    if len(context.outcome.letters) == letters:
        yield from context.take_back(part.key for draft in drafts for part in draft.parts)
    yield from map(context.draft, drafts)


def without_outranked(context: Context, signals: list[Signal]) -> list[Signal]:
    """An invasive pressure comes before a cuff's, and any other heart rate before a pulse."""
    ranks = {(one.name, one.rank) for one in signals}
    kept = []
    for one in signals:
        below = one.name in PRESSURES and one.rank != "invasive" and (one.name, "invasive") in ranks
        pulse = one.rank == "pulse" and (one.name, None) in ranks
        if below or pulse:
            context.outcome.skip("outranked")
        else:
            kept.append(one)
    return kept


def drafts_of(context: Context, resource: Observation, signals: list[Signal]) -> Iterator[Draft]:
    """One draft for each type of event."""
    at = time_of(context, resource)
    patient_id = None if at is None else context.patient(resource.subject, resource.contained)
    if at is None or patient_id is None:
        return
    groups: dict[Kind, list[Fields]] = {}
    for one in signals:
        kind = next(kind for kind in kinds_for(one.name) if not any(one.name in had for had in groups.get(kind, ())))
        groups.setdefault(kind, []).append(one.fields)
    for kind, fields in groups.items():
        part = Part(context.key(kind.type, str(kind.place)), joined(fields), resource.status in CORRECTED)
        common = beside(context, resource) if kind.type == "vitals" else {}
        yield Draft(kind.type, patient_id, at, context.received, [part], context.version, common)


def kinds_for(signal: str) -> Iterator[Kind]:
    """The events in which a signal may stand: the first that does not have it yet."""
    event_type: EventType = "vitals" if signal in SIGNALS else "labs" if signal in LAB_VALUES else "patient"
    place = 0
    while True:
        yield Kind(event_type, place)
        place += 1


def time_of(context: Context, resource: Observation) -> Moment | None:
    """When it was true; `issued` is when it was published, and is not asked."""
    period = resource.effective_period
    return context.moment(
        [
            ("effectiveDateTime", resource.effective_date_time),
            ("effectiveInstant", resource.effective_instant),
            ("effectivePeriod.start", None if period is None else period.start),
        ]
    )


def beside(context: Context, resource: Observation) -> Fields:
    """Source and device."""
    by_a_person = any(is_person(one) for one in resource.performer)
    is_monitor = resource.status == "preliminary" or (resource.device is not None and not by_a_person)
    source: Source = context.sender.source or ("monitor" if is_monitor else "charted")
    device = device_of(resource.device)
    return {"source": source, **({"device_id": device[:128]} if device else {})}


def is_person(reference: Reference) -> bool:
    """Whether a performer is a person."""
    parts = (reference.reference or "").split("/")
    return reference.type in PEOPLE or (len(parts) > 1 and parts[-2] in PEOPLE)


def device_of(reference: Reference | None) -> str | None:
    """The device: its identifier, else the id in the reference, else its name."""
    if reference is None:
        return None
    by_identifier = reference.identifier.value if reference.identifier is not None else None
    return by_identifier or (reference.reference or "").rpartition("/")[2] or reference.display


def site_of(context: Context, resource: Observation) -> str | None:
    """Where a temperature was taken, by bodySite."""
    return context.tables.word("temperature_site", texts_of(resource.body_site))
