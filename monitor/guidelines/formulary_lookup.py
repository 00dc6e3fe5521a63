"""Finds the drugs that a feed's text or code names, and what each is to the judgement."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

Role = Literal[
    "tocilizumab",
    "siltuximab",
    "anakinra",
    "ruxolitinib",
    "antipyretic",
    "steroid",
    "vasopressor",
    "vasopressin",
    "inotrope",
    "oral_pressor",
    "fluid",
    "cns_depressant",
    "antifungal",
    "antibiotic",
    "other",
]
ROLES: frozenset[str] = frozenset(get_args(Role))
SYSTEMIC_ROUTES: frozenset[str | None] = frozenset({None, "iv", "oral", "sc", "im", "rectal"})
REMEMBERED_TEXTS = 4096

_WORD = re.compile(r"\d+(?:\.\d+)?%?|[^\W\d_]+")
_SPACE_BEFORE_PERCENT = re.compile(r"(?<=\d)\s+%")
_CODE = re.compile(
    r"(?:(?:https?://www\.nlm\.nih\.gov/research/umls/)?(?P<system>rxnorm)[\s:|]+)?(?P<code>\d+)", re.IGNORECASE
)

Words = tuple[str, ...]


class FormularyError(ValueError):
    """The table cannot be used; the message names the place."""


@dataclass(frozen=True, slots=True)
class Drug:
    """What a drug is to us. With `minimum_mg` it counts in its role only at a known dose of at least that many mg."""

    ingredient: str
    role: Role
    source: str
    minimum_mg: float | None = None


@dataclass(frozen=True, slots=True)
class Denied:
    """Words that mark a local form, and the roles for which they do."""

    words: tuple[Words, ...]
    roles: frozenset[str]
    why: str


@dataclass(frozen=True, slots=True)
class Formulary:
    """The table, indexed for look-up. `find` is a pure function of its text; what it remembers is bounded."""

    version: str
    drugs: tuple[Drug, ...]
    codes: Mapping[str, tuple[Drug, bool]] = field(repr=False)
    names: Mapping[Words, tuple[Drug, ...]] = field(repr=False)
    exact: Mapping[Words, tuple[Drug, ...]] = field(repr=False)
    denied: tuple[Denied, ...] = field(repr=False)
    swallowed: tuple[Words, ...] = field(repr=False)
    diluent: frozenset[str] = field(repr=False)
    longest_name: int = field(repr=False)
    _found: dict[str, tuple[Drug, ...]] = field(default_factory=dict, repr=False, compare=False)

    def find(self, drug: str) -> tuple[Drug, ...]:
        """The drugs a feed's text or code stands for, all of them for a combination; empty when it is not mapped."""
        found = self._found.get(drug)
        if found is None:
            if len(self._found) >= REMEMBERED_TEXTS:
                self._found.clear()
            found = self._found[drug] = self._look_up(drug)
        return found

    def is_local(self, drug: str) -> bool:
        """Whether drugs of ours are named, but only in forms (eye drops, cream, …) that no rule counts."""
        words = words_of(drug)
        named = self._named(words)
        return bool(named) and all(self._is_denied(one, words) for one in named)

    def _look_up(self, drug: str) -> tuple[Drug, ...]:
        """A code first, then the whole text as a name, then names within the text."""
        text = drug.strip()
        code = _CODE.match(text)
        if code is None:
            return self._by_name(words_of(text))
        rest = words_of(text[code.end() :])
        if rest and not code["system"]:
            # "500 mg acetaminophen": a number before words is a strength, unless it says that it is a code.
            return self._by_name(words_of(text))
        coded, verified = self.codes.get(code["code"], (None, False))
        if coded is None:
            return self._by_name(rest)
        if not rest:
            return (coded,) if verified else ()
        # A name beside the code must agree with it: of two contradicting statements neither is believed.
        named = self._by_name(rest)
        return named if coded in named else ()

    def _by_name(self, words: Words) -> tuple[Drug, ...]:
        whole = self.exact.get(words)
        if whole is not None:
            return whole
        named = self._named(words)
        return tuple(drug for drug in named if not self._is_denied(drug, words)) if named else ()

    def _named(self, words: Words) -> tuple[Drug, ...]:
        """Every drug named in the words, in their order; a fluid that carries another drug is not a treatment."""
        seen: dict[Drug, None] = {}
        carried = False
        at = 0
        while at < len(words):
            length, drugs = self._name_at(words, at)
            for drug in drugs:
                carried |= drug.role != "fluid"
                if drug.role != "fluid" or at == 0 or words[at - 1] not in self.diluent:
                    seen[drug] = None
            at += length
        return tuple(drug for drug in seen if not (carried and drug.role == "fluid"))

    def _name_at(self, words: Words, at: int) -> tuple[int, tuple[Drug, ...]]:
        """The longest name that begins here, so that "methyl prednisolone" is never read as prednisolone."""
        for length in range(min(self.longest_name, len(words) - at), 0, -1):
            drugs = self.names.get(words[at : at + length])
            if drugs is not None:
                return length, drugs
        return 1, ()

    def _is_denied(self, drug: Drug, words: Words) -> bool:
        words = _without(words, self.swallowed)
        return any(
            drug.role in denied.roles and any(_holds(words, phrase) for phrase in denied.words)
            for denied in self.denied
        )


def is_systemic(route: str | None) -> bool:
    """Whether a drug given this way reaches the circulation; a route that was not stated counts as if it did."""
    return route in SYSTEMIC_ROUTES


def words_of(text: str) -> Words:
    """A text as lower-case words and numbers: "Ringer's (0.9 %)" -> ("ringers", "0.9%")."""
    plain = _SPACE_BEFORE_PERCENT.sub("%", text.casefold().replace("'", "").replace("’", ""))
    return tuple(_WORD.findall(plain))


def _holds(words: Words, phrase: Words) -> bool:
    return any(words[at : at + len(phrase)] == phrase for at in range(len(words) - len(phrase) + 1))


def _without(words: Words, phrases: Iterable[Words]) -> Words:
    """The words with every one of the phrases cut out."""
    for phrase in phrases:
        for at in range(len(words) - len(phrase), -1, -1):
            if words[at : at + len(phrase)] == phrase:
                words = words[:at] + words[at + len(phrase) :]
    return words
