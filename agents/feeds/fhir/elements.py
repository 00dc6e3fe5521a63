"""The data types of FHIR that are read, with the elements that are used; all else is ignored."""

from __future__ import annotations

from msgspec import Struct, field


class Element(Struct, rename="camel"):
    """What all elements have in common: names as FHIR writes them, unknown ones ignored."""


class Coding(Element):
    """A code of a system."""

    system: str | None = None
    code: str | None = None
    display: str | None = None


class Concept(Element):
    """CodeableConcept."""

    coding: list[Coding] = field(default_factory=list)
    text: str | None = None


class Quantity(Element):
    """A number with its unit, as text and as code."""

    value: float | None = None
    comparator: str | None = None
    unit: str | None = None
    code: str | None = None


class Ratio(Element):
    """An amount for each other amount."""

    numerator: Quantity | None = None
    denominator: Quantity | None = None


class Period(Element):
    """From and to."""

    start: str | None = None
    end: str | None = None


class Identifier(Element):
    """An identifier with its kind and who issued it."""

    type: Concept | None = None
    system: str | None = None
    value: str | None = None
    assigner: Reference | None = None


class Reference(Element):
    """A reference to another resource, by address or by identifier."""

    reference: str | None = None
    identifier: Identifier | None = None
    type: str | None = None
    display: str | None = None


class CodeableReference(Element):
    """R5: a concept, or a reference to a resource that is one."""

    concept: Concept | None = None
    reference: Reference | None = None


class Meta(Element):
    """Version, last change and source."""

    last_updated: str | None = None
    version_id: str | None = None
    source: str | None = None
