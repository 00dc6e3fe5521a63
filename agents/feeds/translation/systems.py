"""Code systems by all the names and addresses under which feeds write them, and texts made comparable."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

LOINC, MDC, RXNORM, LOCAL = "LN", "MDC", "RXNORM", "L"

SPELLINGS = {
    LOINC: ("LN", "LOINC", "LNC", "loinc.org", "2.16.840.1.113883.6.1"),
    MDC: ("MDC", "11073", "IEEE11073", "ISO11073", "iso:std:iso:11073:10101", "1.2.840.10004.1.1.1.0.0.1"),
    RXNORM: ("RXNORM", "RXN", "RxNorm", "www.nlm.nih.gov/research/umls/rxnorm", "2.16.840.1.113883.6.88"),
    "SCT": ("SCT", "SNM", "SNOMED", "SNOMED-CT", "SNOMEDCT", "snomed.info/sct", "2.16.840.1.113883.6.96"),
    "UCUM": ("UCUM", "unitsofmeasure.org", "2.16.840.1.113883.6.8"),
    "NDC": ("NDC", "hl7.org/fhir/sid/ndc", "2.16.840.1.113883.6.69"),
    LOCAL: ("", "L", "LOCAL"),
}
KNOWN = {spelling.casefold(): system for system, spellings in SPELLINGS.items() for spelling in spellings}
PREFIXES = ("http://", "https://", "urn:oid:", "urn:")


class Coding(NamedTuple):
    """A code with its system and what stands beside it: a REFID or a display. A system of "" is a local one."""

    system: str
    code: str
    text: str = ""


@lru_cache(maxsize=1024)
def system_of(written: str) -> str:
    """One name for a code system, however it is written; a system that is not known keeps its own, in capitals."""
    plain = written.strip().casefold().rstrip("/")
    for prefix in PREFIXES:
        plain = plain.removeprefix(prefix)
    return KNOWN.get(plain, written.strip().upper())


@lru_cache(maxsize=8192)
def plain(text: str) -> str:
    """A text to compare: case, spaces and punctuation apart."""
    return "".join(character for character in text.casefold() if character.isalnum())
