"""What codes, words, units and drugs mean: the rows of a site before the shipped ones."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from agents.feeds.translation.rows import CodeRow
from agents.feeds.translation.systems import LOCAL, LOINC, MDC, Coding, plain, system_of
from monitor.guidelines.formulary_lookup import Formulary, words_of

REMEMBERED = 16_384
REFID = "MDC_"


class Found(NamedTuple):
    """A code that a table knows: its row, and the coding that decided."""

    row: CodeRow
    coding: Coding
    is_mdc: bool


class DrugCode(NamedTuple):
    """What a code or a site's word says about a drug."""

    drug: str
    is_site: bool
    verified: bool


@dataclass(slots=True)
class Tables:
    """All tables, indexed for look-up. Every answer is a function of the question; what is remembered is bounded."""

    codes: Mapping[tuple[str, str], CodeRow]
    refids: Mapping[str, tuple[str, CodeRow]]
    words: Mapping[str, Mapping[str, str]]
    units_exact: Mapping[str, str]
    units_folded: Mapping[str, tuple[str, ...]]
    drug_codes: Mapping[tuple[str, str], DrugCode]
    drug_words: Mapping[str, str]
    products: Mapping[tuple[str, ...], str]
    formulary: Formulary
    # What formats remember of rows that they have read with these tables; each bounds its own.
    plans: dict[Hashable, dict[Any, Any]] = field(default_factory=dict)
    _found: dict[tuple[Coding, ...], Found | Literal["conflict"] | None] = field(default_factory=dict)

    def find(self, codings: tuple[Coding, ...]) -> Found | Literal["conflict"] | None:
        """The row that the codings of one observation mean; "conflict" when they mean different signals."""
        if codings not in self._found:
            if len(self._found) >= REMEMBERED:
                self._found.clear()
            self._found[codings] = self._look_up(codings)
        return self._found[codings]

    def _look_up(self, codings: tuple[Coding, ...]) -> Found | Literal["conflict"] | None:
        found: list[Found] = []
        for coding in codings:
            one = self._one(coding)
            if one == "conflict":
                return "conflict"
            if one is not None:
                found.append(one)
        if not found:
            return None
        for one in found:
            if one.row.signal == "ignore" and one.row.status == "site":
                return one
        if len({one.row.signal for one in found}) > 1:
            return "conflict"
        return min(found, key=precedence)

    def _one(self, coding: Coding) -> Found | Literal["conflict"] | None:
        """The row of one coding. Of MDC the number decides; the REFID does where there is no number."""
        system = system_of(coding.system)
        if system == LOCAL and coding.text.startswith(REFID):
            system = MDC
        row = self.codes.get((system, coding.code.strip()))
        if system == MDC:
            named = self.refids.get(coding.text.strip()) or self.refids.get(coding.code.strip())
            is_own = row is not None and coding.text.strip() in row.names
            if named is not None and named[1] is not row and not is_own:
                if is_number(coding.code) and not same_term(coding.code, named[0]):
                    return "conflict"
                row = named[1]
        if row is None or (row.status == "unverified" and plain(coding.text) not in map(plain, row.names)):
            return None
        return Found(row, coding, system == MDC)

    def word(self, of: str, texts: Iterable[str]) -> str | None:
        """What the first known of these texts means in a field."""
        known = self.words.get(of, {})
        return next((known[one] for one in map(plain, texts) if one in known), None)

    def units(self, tokens: Iterable[str]) -> tuple[str, ...]:
        """The units that what stands in a unit field may mean: as written first, then without case and spaces."""
        exact: list[str] = []
        folded: list[str] = []
        for token in tokens:
            if token in self.units_exact:
                exact.append(self.units_exact[token])
            folded.extend(self.units_folded.get(folded_unit(token), ()))
        return (*exact, *folded)

    def drug(self, codings: Iterable[Coding], text: str) -> str | None:
        """A drug's name: a site's row first, then the text as written, then a shipped code, then the code itself.

        The text stands where the formulary knows it: "hydrocortisone cream" must not become its ingredient's code.
        """
        codings = tuple(codings)
        rows = [row for one in codings if (row := self.drug_codes.get((system_of(one.system), one.code.strip())))]
        site = next((row.drug for row in rows if row.is_site), None) or self.drug_words.get(plain(text))
        if site is not None:
            return site
        text = text.strip()
        if text and (self.formulary.find(text) or self.formulary.is_local(text) or self.product(text)):
            return text
        if coded := next((row.drug for row in rows if row.verified), None):
            return coded
        return text or next((drug_code(one) for one in codings if one.code.strip()), None)

    def product(self, drug: str) -> str | None:
        """The CAR-T product or bispecific antibody that a drug's name holds."""
        words = words_of(drug)
        for at in range(len(words)):
            for length in (1, 2):
                if (found := self.products.get(words[at : at + length])) is not None:
                    return found
        return None


def is_number(code: str) -> bool:
    """Whether a code of 11073 is there at all: an empty one, `0` and a REFID in its place are none."""
    return code.strip().isdigit() and code.strip().strip("0") != ""


def same_term(written: str, code: str) -> bool:
    """Whether a number is a term's code, or its lower 16 bits, as some devices send them without the partition."""
    return written.strip() == code or int(written) == int(code) % 65_536


def precedence(found: Found) -> tuple[int, bool]:
    """11073 before LOINC, the most specific LOINC before the generic one, then local codes."""
    order = 0 if found.is_mdc else 1 if system_of(found.coding.system) == LOINC else 2
    return order, found.row.generic


def folded_unit(token: str) -> str:
    """A unit without case and spaces, with one sign for micro."""
    return "".join(token.casefold().split()).replace("μ", "µ")


def drug_code(coding: Coding) -> str:
    """A code as the name of a drug; a number of another system than RxNorm must not be read as one of RxNorm."""
    system, code = system_of(coding.system), coding.code.strip()
    return f"{system} {code}" if code.isdigit() and system != "RXNORM" else code
