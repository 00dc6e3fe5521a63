"""Drug names and codes, and what each drug is to the judgement (formulary.toml)."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib import resources
from typing import Any, Literal, get_args

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
CODE_STATUSES = frozenset({"verified", "verified-weak", "unverified"})
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
        words = _words(drug)
        named = self._named(words)
        return bool(named) and all(self._is_denied(one, words) for one in named)

    def _look_up(self, drug: str) -> tuple[Drug, ...]:
        """A code first, then the whole text as a name, then names within the text."""
        text = drug.strip()
        code = _CODE.match(text)
        if code is None:
            return self._by_name(_words(text))
        rest = _words(text[code.end() :])
        if rest and not code["system"]:
            # "500 mg acetaminophen": a number before words is a strength, unless it says that it is a code.
            return self._by_name(_words(text))
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


def load() -> Formulary:
    """The formulary that ships with the product. Raises FormularyError naming the place when it is bad."""
    return parse(resources.files("monitor.guidelines").joinpath("formulary.toml").read_text(encoding="utf-8"))


def parse(text: str) -> Formulary:
    """A formulary from a TOML text; refuses unknown roles, sources and words, and a name that stands for two drugs."""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise FormularyError(f"formulary: not TOML: {error}") from error
    rows = _rows(
        table, "drug", {"ingredient", "role", "source"}, {"names", "exact", "biosimilars", "rxnorm", "minimum_mg"}
    )
    drugs = {row["ingredient"]: _drug(row, where, table.get("sources", {})) for where, row in rows}
    if len(drugs) != len(rows):
        raise FormularyError("formulary: an ingredient has two entries")
    names: dict[Words, tuple[Drug, ...]] = {}
    exact: dict[Words, tuple[Drug, ...]] = {}
    for where, row in rows:
        drug = drugs[row["ingredient"]]
        _enter(names, [drug.ingredient, *row.get("names", ()), *row.get("biosimilars", ())], (drug,), where)
        _enter(exact, row.get("exact", ()), (drug,), where)
    for where, row in _rows(table, "combination", {"names", "ingredients"}):
        _enter(names, row["names"], tuple(_known(drugs, name, where) for name in row["ingredients"]), where)
    for words in names.keys() & exact.keys():
        raise FormularyError(f'formulary: exact: "{" ".join(words)}" is also a name')
    return Formulary(
        version=str(table.get("version", "")),
        drugs=tuple(drugs.values()),
        codes=_codes(rows, drugs),
        names=names,
        exact=exact,
        denied=tuple(_denials(table)),
        swallowed=_phrases(table.get("swallowed", {}).get("words", ())),
        diluent=frozenset(table.get("diluent", {}).get("words", ())),
        longest_name=max(map(len, names), default=0),
    )


def _rows(table: Mapping[str, Any], kind: str, needed: set[str], allowed: Iterable[str] = ()) -> list[tuple[str, Any]]:
    """Rows of one kind with their place; a missing or misspelt field is refused."""
    rows = []
    for number, row in enumerate(table.get(kind, ()), 1):
        where = f'formulary: {kind} {number} "{row.get("ingredient", "")}"'
        for missing in sorted(needed - row.keys()):
            raise FormularyError(f"{where}: {missing} is missing")
        for unknown in sorted(row.keys() - needed - set(allowed)):
            raise FormularyError(f"{where}: {unknown} is not a field")
        rows.append((where, row))
    return rows


def _drug(row: Mapping[str, Any], where: str, sources: Mapping[str, str]) -> Drug:
    if row["role"] not in ROLES:
        raise FormularyError(f"{where}: role {row['role']!r} is not one of {', '.join(sorted(ROLES))}")
    for letter in row["source"].split(", "):
        if letter not in sources:
            raise FormularyError(f"{where}: source {letter!r} is not in [sources]")
    minimum_mg = row.get("minimum_mg")
    return Drug(row["ingredient"], row["role"], row["source"], None if minimum_mg is None else float(minimum_mg))


def _known(drugs: Mapping[str, Drug], ingredient: str, where: str) -> Drug:
    if ingredient not in drugs:
        raise FormularyError(f"{where}: ingredient {ingredient!r} has no entry")
    return drugs[ingredient]


def _enter(names: dict[Words, tuple[Drug, ...]], texts: Iterable[str], drugs: tuple[Drug, ...], where: str) -> None:
    for text in texts:
        words = _words(text)
        if not words:
            raise FormularyError(f"{where}: name {text!r} has no words")
        if words in names:
            others = ", ".join(drug.ingredient for drug in names[words])
            raise FormularyError(f'{where}: name "{text}" already stands for {others}')
        names[words] = drugs


def _codes(rows: Iterable[tuple[str, Any]], drugs: Mapping[str, Drug]) -> dict[str, tuple[Drug, bool]]:
    """RxNorm ingredient code -> the drug, and whether the code may stand alone."""
    codes: dict[str, tuple[Drug, bool]] = {}
    for where, row in rows:
        if (rxnorm := row.get("rxnorm")) is None:
            continue
        if rxnorm["status"] not in CODE_STATUSES:
            raise FormularyError(f"{where}: rxnorm status {rxnorm['status']!r} is not one of {sorted(CODE_STATUSES)}")
        if rxnorm["code"] in codes:
            raise FormularyError(
                f"{where}: rxnorm {rxnorm['code']} already stands for {codes[rxnorm['code']][0].ingredient}"
            )
        codes[rxnorm["code"]] = (drugs[row["ingredient"]], rxnorm["status"] == "verified")
    return codes


def _denials(table: Mapping[str, Any]) -> Iterator[Denied]:
    for where, row in _rows(table, "denied", {"why", "words"}, {"roles", "spares"}):
        roles, spares = frozenset(row.get("roles", ROLES)), frozenset(row.get("spares", ()))
        for role in sorted((roles | spares) - ROLES):
            raise FormularyError(f"{where}: role {role!r} is not one of {', '.join(sorted(ROLES))}")
        yield Denied(_phrases(row["words"]), roles - spares, row["why"])


def _phrases(texts: Iterable[str]) -> tuple[Words, ...]:
    return tuple(_words(text) for text in texts)


def _words(text: str) -> Words:
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
