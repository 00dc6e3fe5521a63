"""The values of an observation and its components: is the code one of ours, has it a value, a number in a unit?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from agents.feeds.fhir.context import Context
from agents.feeds.fhir.directory import codings_of, texts_of
from agents.feeds.fhir.elements import Quantity
from agents.feeds.fhir.resources import Observation, Valued
from agents.feeds.translation.rows import PUMP_SIGNALS, CodeRow
from agents.feeds.translation.statements import Fields
from agents.feeds.translation.values import (
    WORD_SIGNALS,
    Number,
    both_pressures,
    fields_of_number,
    fields_of_word,
    is_sentinel,
    number_in,
    with_upper_limit,
)
from schemas.labs import LAB_VALUES

BELOW = frozenset({"<", "<="})


class Signal(NamedTuple):
    """A signal with its fields."""

    name: str
    fields: Fields
    rank: str | None = None


def signals_of(context: Context, resource: Observation) -> Iterator[Signal]:
    """The signals of the observation itself, and of its components."""
    if has_value(resource) or not resource.component:
        yield from signals(context, resource, resource, "code")
    for number, component in enumerate(resource.component):
        yield from signals(context, component, resource, f"component[{number}]")


def has_value(one: Valued) -> bool:
    """Whether there is any value, or a reason for its absence."""
    return one.data_absent_reason is not None or any(
        value is not None
        for value in (one.value_quantity, one.value_codeable_concept, one.value_string, one.value_integer)
    )


def signals(context: Context, one: Valued, resource: Observation, where: str) -> Iterator[Signal]:
    """What one code and value state."""
    codings = codings_of(one.code)
    found = context.tables.find(codings)
    if found == "conflict":
        context.outcome.refuse("code_conflict", f"{where}: its codings mean different signals")
    elif found is None:
        first = codings[0] if codings else None
        text = (first.text if first else "") or one.code.text or ""
        context.outcome.miss("signal", first.system if first else "", first.code if first else "", text)
    elif found.row.signal == "ignore" or found.row.signal in PUMP_SIGNALS:
        context.outcome.skip("not_for_us")
    elif one.data_absent_reason is not None or not has_value(one):
        context.outcome.skip("no_value")
    elif found.row.signal in WORD_SIGNALS:
        yield from word(context, one, found.row.signal)
    elif found.row.signal == "blood_pressure":
        yield from pressures(context, one, found.row, where)
    else:
        yield from number(context, one, resource, found.row, where)


def word(context: Context, one: Valued, signal: str) -> Iterator[Signal]:
    """A signal in words."""
    texts = [*texts_of(one.value_codeable_concept), *([one.value_string] if one.value_string else ())]
    fields = fields_of_word(signal, texts, context.tables)
    if fields is not None:
        yield Signal(signal, fields)
    else:
        codes = codings_of(one.value_codeable_concept)
        context.outcome.miss("word", signal, codes[0].code if codes else "", texts[0] if texts else "")


def number(context: Context, one: Valued, resource: Observation, row: CodeRow, where: str) -> Iterator[Signal]:
    """A signal in numbers."""
    found, units = number_of(one, row.signal)
    if found is None:
        context.outcome.refuse("wrong_type", f"{where}: its value must be a single number")
    elif is_sentinel(row, found):
        context.outcome.skip("no_value")
    else:
        fields = fields_of_number(row, row.signal, found, units, context.tables)
        if isinstance(fields, str):
            context.outcome.refuse(fields, f"{where}: no unit, or none that {row.signal} may have")
            return
        if row.signal in LAB_VALUES:
            fields = with_limits(context, one, row.signal, units, fields)
        site = row.site or context.tables.word("temperature_site", texts_of(resource.body_site))
        if row.signal == "temperature_celsius" and site is not None:
            fields = {**fields, "temperature_site": site}
        yield Signal(row.signal, fields, row.rank)


def number_of(one: Valued, signal: str) -> tuple[Number | None, tuple[str, ...]]:
    """The number of a value with its units; None where it is none: a range, a comparison, words."""
    quantity = one.value_quantity
    if quantity is not None:
        is_below = quantity.comparator in BELOW and signal in LAB_VALUES
        if quantity.value is None or (quantity.comparator is not None and not is_below):
            return None, ()
        return Number(quantity.value, is_below), units_of(quantity)
    if one.value_integer is not None:
        return Number(float(one.value_integer)), ()
    return (None if one.value_string is None else number_in(one.value_string, signal)), ()


def units_of(quantity: Quantity) -> tuple[str, ...]:
    """What a quantity says of its unit: the code first, then the text."""
    return tuple(one for one in (quantity.code, quantity.unit) if one)


def with_limits(context: Context, one: Valued, signal: str, units: tuple[str, ...], fields: Fields) -> Fields:
    """The field with the upper end of its reference range."""
    for each in one.reference_range:
        if each.high is not None and each.high.value is not None:
            own = units_of(each.high) or units
            return with_upper_limit(fields, signal, f"<{each.high.value:.10g}", own, context.tables)
    return fields


def pressures(context: Context, one: Valued, row: CodeRow, where: str) -> Iterator[Signal]:
    """A blood pressure as text: systolic and diastolic."""
    both = both_pressures(one.value_string or "")
    if both is None:
        context.outcome.refuse("wrong_type", f"{where}: its value must be two pressures, as in 120/80")
        return
    for signal, found in zip(("systolic_mmhg", "diastolic_mmhg"), both, strict=True):
        fields = fields_of_number(row, signal, found, (), context.tables)
        if isinstance(fields, str):
            context.outcome.refuse(fields, f"{where}: no unit")
            return
        yield Signal(signal, fields)
