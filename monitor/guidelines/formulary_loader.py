"""Reads the formulary from formulary.toml, and refuses what is ambiguous or unknown in it."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from importlib import resources
from typing import Any

from monitor.guidelines.formulary_lookup import ROLES, Denied, Drug, Formulary, FormularyError, Words, words_of

CODE_STATUSES = frozenset({"verified", "verified-weak", "unverified"})


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
        words = words_of(text)
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
    return tuple(words_of(text) for text in texts)
