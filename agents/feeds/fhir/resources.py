"""The resources of FHIR R4, R4B and R5 that are read, with the elements that are used; all else is ignored."""

from __future__ import annotations

from typing import Any

from msgspec import field

from agents.feeds.fhir.elements import (
    CodeableReference,
    Concept,
    Element,
    Identifier,
    Meta,
    Period,
    Quantity,
    Ratio,
    Reference,
)


class ReferenceRange(Element):
    """Its upper end."""

    high: Quantity | None = None


class Valued(Element):
    """What an observation and a component of one share."""

    code: Concept = field(default_factory=Concept)
    value_quantity: Quantity | None = None
    value_codeable_concept: Concept | None = None
    value_string: str | None = None
    value_integer: int | None = None
    data_absent_reason: Concept | None = None
    reference_range: list[ReferenceRange] = field(default_factory=list)


class Observation(Valued):
    """Observation."""

    id: str | None = None
    meta: Meta = field(default_factory=Meta)
    status: str = ""
    subject: Reference | None = None
    effective_date_time: str | None = None
    effective_instant: str | None = None
    effective_period: Period | None = None
    performer: list[Reference] = field(default_factory=list)
    device: Reference | None = None
    body_site: Concept | None = None
    component: list[Valued] = field(default_factory=list)
    contained: list[dict[str, Any]] = field(default_factory=list)


class Dosage(Element):
    """How much, how fast, and by which route."""

    route: Concept | None = None
    dose: Quantity | None = None
    rate_ratio: Ratio | None = None
    rate_quantity: Quantity | None = None


class MedicationAdministration(Element):
    """MedicationAdministration. R5 writes `occurence`, its later builds `occurrence`."""

    id: str | None = None
    meta: Meta = field(default_factory=Meta)
    status: str = ""
    medication_codeable_concept: Concept | None = None
    medication_reference: Reference | None = None
    medication: CodeableReference | None = None
    subject: Reference | None = None
    effective_date_time: str | None = None
    effective_instant: str | None = None
    effective_period: Period | None = None
    occurence_date_time: str | None = None
    occurence_period: Period | None = None
    occurrence_date_time: str | None = None
    occurrence_period: Period | None = None
    dosage: Dosage | None = None
    reason_code: list[Concept] = field(default_factory=list)
    reason: list[CodeableReference] = field(default_factory=list)
    contained: list[dict[str, Any]] = field(default_factory=list)


class Place(Element):
    """Where a patient is during an encounter; `form` is R5's `physicalType`."""

    location: Reference | None = None
    status: str | None = None
    physical_type: Concept | None = None
    form: Concept | None = None


class Encounter(Element):
    """Encounter; R5 writes `actualPeriod`."""

    id: str | None = None
    meta: Meta = field(default_factory=Meta)
    status: str = ""
    subject: Reference | None = None
    period: Period | None = None
    actual_period: Period | None = None
    location: list[Place] = field(default_factory=list)
    contained: list[dict[str, Any]] = field(default_factory=list)


class Link(Element):
    """Another record of the same patient."""

    other: Reference | None = None
    type: str | None = None


class Patient(Element):
    """Patient."""

    id: str | None = None
    meta: Meta = field(default_factory=Meta)
    identifier: list[Identifier] = field(default_factory=list)
    birth_date: str | None = None
    deceased_boolean: bool | None = None
    deceased_date_time: str | None = None
    link: list[Link] = field(default_factory=list)


class Ingredient(Element):
    """An ingredient of a medication, in R4 and R5."""

    item_codeable_concept: Concept | None = None
    item: CodeableReference | None = None


class Medication(Element):
    """Medication."""

    id: str | None = None
    code: Concept | None = None
    ingredient: list[Ingredient] = field(default_factory=list)
