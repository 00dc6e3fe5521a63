"""From what stands beside a code to the fields of an event: numbers in their units, words by the tables."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from agents.feeds.translation.outcome import Reason
from agents.feeds.translation.rows import CodeRow
from agents.feeds.translation.statements import Fields
from agents.feeds.translation.tables import Tables
from agents.feeds.translation.units import UNITLESS, conversion, fraction
from schemas.labs import LAB_VALUES

WORD_SIGNALS = frozenset({"oxygen_device", "consciousness", "temperature_site"})
NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)", re.ASCII)
BELOW = re.compile(r"<=?\s*(\d{1,20}\.?\d*|\.\d+)", re.ASCII)
LONGEST_NUMBER = 32
PRESSURES = re.compile(r"(\d{1,9}\.?\d*)\s*/\s*(\d{1,9}\.?\d*)", re.ASCII)
RANGE = re.compile(r"\s*(?:[\d.]+\s*(?:-|–|to|bis)|<=?|≤)\s*([\d.]+)\s*", re.ASCII)


class Number(NamedTuple):
    """A number as it was sent. `below`: the true value is below it."""

    value: float
    below: bool = False


def number_in(text: str, signal: str) -> Number | None:
    """The text as just a number; of a laboratory value also `<5`. None for all else: `38,5`, `60~120`, words."""
    text = text.strip()
    if NUMBER.fullmatch(text):
        return Number(float(text)) if len(text) <= LONGEST_NUMBER else None
    below = BELOW.fullmatch(text) if signal in LAB_VALUES else None
    return None if below is None else Number(float(below[1]), below=True)


def fields_of_number(
    row: CodeRow, signal: str, number: Number, units: Sequence[str], tables: Tables
) -> Fields | Reason:
    """The field of a numeric signal in its own unit; or why there is none."""
    value = number.value
    if signal == "fio2_fraction":
        return {signal: fraction(value)}
    if signal in UNITLESS:
        return {signal: int(value) if value.is_integer() else value}
    convert = conversion(signal, tables.units(units or ((row.unit,) if row.unit else ())))
    if convert is None:
        return "unknown_unit"
    fields: Fields = {signal: convert(value)}
    if number.below:
        fields["below_detection"] = [signal]
    return fields


def with_upper_limit(fields: Fields, signal: str, written: str, units: Sequence[str], tables: Tables) -> Fields:
    """The field with the upper end of its reference range (`100-300`, `<5`), if there is one."""
    found = RANGE.fullmatch(written)
    convert = conversion(signal, tables.units(units))
    if found is None or convert is None or number_in(found[1], signal) is None:
        return fields
    return {**fields, "upper_limits": {signal: convert(float(found[1]))}}


def both_pressures(text: str) -> tuple[Number, Number] | None:
    """Systolic and diastolic pressure out of `120/80`."""
    found = PRESSURES.fullmatch(text.strip())
    return None if found is None else (Number(float(found[1])), Number(float(found[2])))


def fields_of_word(signal: str, texts: Iterable[str], tables: Tables) -> Fields | None:
    """The field of a signal in words; None when no table knows them."""
    means = tables.word(signal, texts)
    return None if means is None else {signal: means}


def is_sentinel(row: CodeRow, number: Number) -> bool:
    """Whether a number means that there is no value."""
    return number.value in row.sentinels
