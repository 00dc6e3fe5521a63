"""Builds the index of all tables: a site's rows first, then the shipped ones; refuses what says two things."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from importlib import resources
from typing import Any, NamedTuple, TypeVar

from agents.feeds.translation.rows import CodeRow, DrugRow, ProductRow, Row, WordRow
from agents.feeds.translation.systems import MDC, plain, system_of
from agents.feeds.translation.tables import DrugCode, Tables, folded_unit
from agents.feeds.translation.units import CONVERSIONS, KNOWN_UNITS
from agents.platform.errors import UserError
from monitor.guidelines import formulary_loader
from monitor.guidelines.formulary_lookup import Formulary, words_of

SHIPPED = ("codes.toml", "words.toml", "units.toml", "drugs.toml")
Key = TypeVar("Key")
Value = TypeVar("Value")
RowType = TypeVar("RowType", bound=Row)
Keyed = Iterable[tuple[int, Key, Value]]


@cache
def shipped(name: str) -> dict[str, Any]:
    """One of the tables that come with the product."""
    return tomllib.loads((resources.files("agents.feeds.translation") / "shipped" / name).read_text("utf-8"))


@cache
def shipped_rows(kind: type[RowType], key: str) -> tuple[RowType, ...]:
    """All shipped rows of one kind."""
    return tuple(kind.model_validate(row) for name in SHIPPED for row in shipped(name).get(key, ()))


@cache
def formulary() -> Formulary:
    """The formulary that the judgement knows drugs by."""
    return formulary_loader.load()


class SiteRows(NamedTuple):
    """The rows of a site. `name`: of their file."""

    name: str
    codes: Sequence[CodeRow] = ()
    words: Sequence[WordRow] = ()
    drugs: Sequence[DrugRow] = ()
    products: Sequence[ProductRow] = ()


def index_of(site: SiteRows) -> Tables:
    """The tables of a site before the shipped ones. Raises UserError naming file and row."""
    products = products_of(site.products)
    check_units(site)
    check_drugs(site, products)
    codes = merged(site.name, "code", keyed_codes(site.codes), keyed_codes(shipped_rows(CodeRow, "code")))
    words = merged(site.name, "word", keyed_words(site.words), keyed_words(shipped_rows(WordRow, "word")))
    drugs = merged(site.name, "drug", keyed_drugs(site.drugs), keyed_drugs(shipped_rows(DrugRow, "drug")))
    exact, folded = units_of(site.words)
    fields = {field for field, _ in words}
    return Tables(
        codes=codes,
        refids=refids_of(codes),
        words={field: {word: means for (of, word), means in words.items() if of == field} for field in fields},
        units_exact=exact,
        units_folded=folded,
        drug_codes=drugs,
        drug_words=merged(site.name, "drug", keyed_drug_words(site.drugs), ()),
        products=products,
        formulary=formulary(),
    )


def refids_of(codes: Mapping[tuple[str, str], CodeRow]) -> dict[str, tuple[str, CodeRow]]:
    """The terms of 11073 by their REFID; where two numbers are sent under one, the first row has it."""
    found: dict[str, tuple[str, CodeRow]] = {}
    for (system, code), row in codes.items():
        for refid in row.names if system == MDC else ():
            found.setdefault(refid, (code, row))
    return found


def products_of(site: Sequence[ProductRow]) -> dict[tuple[str, ...], str]:
    """CAR-T products and bispecific antibodies by the words of their names."""
    rows = (*shipped_rows(ProductRow, "product"), *site)
    return {words_of(written): row.product for row in rows for written in row.written}


def merged(name: str, kind: str, site: Keyed[Key, Value], ours: Keyed[Key, Value]) -> dict[Key, Value]:
    """One meaning a key, the site's before the shipped. Raises UserError for a key of a site with two meanings."""
    found: dict[Key, Value] = {}
    for number, key, value in site:
        if found.setdefault(key, value) != value:
            raise UserError(f"{name}: [[{kind}]] row {number}: the same key has another meaning in a row above")
    for _, key, value in ours:
        found.setdefault(key, value)
    return found


def keyed_codes(rows: Sequence[CodeRow]) -> Iterator[tuple[int, tuple[str, str], CodeRow]]:
    """Codes by system and code."""
    for number, row in enumerate(rows, 1):
        yield number, (system_of(row.system), row.code.strip()), row


def keyed_words(rows: Sequence[WordRow]) -> Iterator[tuple[int, tuple[str, str], str]]:
    """Words by field and plain spelling; units have an index of their own, because their case counts."""
    for number, row in enumerate(rows, 1):
        for written in row.written:
            key = written if row.field == "unit" else plain(written)
            yield number, (row.field, key), row.means


def keyed_drugs(rows: Sequence[DrugRow]) -> Iterator[tuple[int, tuple[str, str], DrugCode]]:
    """Drug codes by system and code."""
    for number, row in enumerate(rows, 1):
        if row.code is not None:
            code = DrugCode(row.drug, row.status == "site", row.status != "unverified")
            yield number, (system_of(row.system), row.code.strip()), code


def keyed_drug_words(rows: Sequence[DrugRow]) -> Iterator[tuple[int, str, str]]:
    """A site's own names of drugs."""
    for number, row in enumerate(rows, 1):
        for written in row.written:
            yield number, plain(written), row.drug


def units_of(site: Sequence[WordRow]) -> tuple[dict[str, str], dict[str, tuple[str, ...]]]:
    """Units as written, and without case: there one spelling may mean two units, and the signal decides."""
    exact: dict[str, str] = {}
    folded: dict[str, tuple[str, ...]] = {}
    for row in (*site, *shipped_rows(WordRow, "word")):
        for written in row.written if row.field == "unit" else ():
            exact.setdefault(written, row.means)
            known = folded.get(folded_unit(written), ())
            folded[folded_unit(written)] = known if row.means in known else (*known, row.means)
    return exact, folded


def check_units(site: SiteRows) -> None:
    """Refuses a unit that no conversion knows, or that a code's signal cannot come in."""
    for number, word in enumerate(site.words, 1):
        if word.field == "unit" and word.means not in KNOWN_UNITS:
            raise UserError(f"{site.name}: [[word]] row {number}: means: {word.means!r} is no unit that is known here")
    exact, folded = units_of(site.words)
    for number, code in enumerate(site.codes, 1):
        if code.unit is not None and code.signal in CONVERSIONS:
            possible = {exact.get(code.unit, ""), *folded.get(folded_unit(code.unit), ())}
            if not possible & CONVERSIONS[code.signal].keys():
                raise UserError(f"{site.name}: [[code]] row {number}: unit: {code.unit!r} is no unit of {code.signal}")


def check_drugs(site: SiteRows, products: Mapping[tuple[str, ...], str]) -> None:
    """Refuses a drug that neither the formulary nor the list of products knows."""
    for number, row in enumerate(site.drugs, 1):
        if not formulary().find(row.drug) and words_of(row.drug) not in products:
            raise UserError(f"{site.name}: [[drug]] row {number}: drug: {row.drug!r} is no name the formulary knows")
