"""OBX-5 and OBX-6: a number in a unit, a word of the tables, or two pressures in one text."""

from __future__ import annotations

from collections.abc import Iterator

from agents.feeds.hl7.context import Context
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

NUMBER_TYPES = frozenset({"NM", "SN", "ST", "TX", ""})


def values(context: Context, row: list[str], table: CodeRow, is_void: bool) -> Iterator[tuple[str, Fields | None]]:
    """The signals of a row with their fields; None for one that is taken back."""
    text = context.message.get(row, 5)
    if is_void:
        signals = ("systolic_mmhg", "diastolic_mmhg") if table.signal == "blood_pressure" else (table.signal,)
        yield from ((signal, None) for signal in signals)
    elif not context.is_readable(text + context.message.get(row, 6), f"{place_of(row)}: OBX-5 or OBX-6"):
        return
    elif table.signal in PUMP_SIGNALS:
        yield table.signal, {}
    elif table.signal in WORD_SIGNALS:
        yield from word(context, table.signal, text)
    elif table.signal == "blood_pressure":
        yield from pressures(context, row, table)
    else:
        yield from number(context, row, table)


def word(context: Context, signal: str, text: str) -> Iterator[tuple[str, Fields]]:
    """A signal in words: the coded value or the text, by the tables."""
    texts = context.message.components(text)
    fields = fields_of_word(signal, [context.message.plain(text), *texts], context.tables)
    if fields is None:
        context.outcome.miss("word", signal, texts[0] if len(texts) > 1 else "", texts[-1 if len(texts) < 2 else 1])
    else:
        yield signal, fields


def number(context: Context, row: list[str], table: CodeRow) -> Iterator[tuple[str, Fields]]:
    """A signal in numbers."""
    message = context.message
    kind = message.get(row, 2).strip().upper()
    text = message.get(row, 5)
    if kind == "SN":
        text = "".join(message.components(text)[:2]).removeprefix("=") if text.count(message.component) < 2 else text
    found = number_in(message.plain(text), table.signal) if kind in NUMBER_TYPES else None
    if found is None:
        context.outcome.refuse("wrong_type", f"{place_of(row)}: OBX-5 must be a single number")
        return
    if is_sentinel(table, found):
        context.outcome.skip("no_value")
        return
    units = units_of(context, row)
    fields = in_unit(context, row, table, table.signal, found)
    if fields is not None and table.signal in LAB_VALUES:
        fields = with_upper_limit(fields, table.signal, message.plain(message.get(row, 7)), units, context.tables)
    if fields is not None and table.signal == "temperature_celsius":
        fields = with_site(context, row, table, fields)
    if fields is not None:
        yield table.signal, fields


def pressures(context: Context, row: list[str], table: CodeRow) -> Iterator[tuple[str, Fields]]:
    """A blood pressure as text: systolic and diastolic."""
    both = both_pressures(context.message.plain(context.message.get(row, 5)))
    if both is None:
        context.outcome.refuse("wrong_type", f"{place_of(row)}: OBX-5 must be two pressures, as in 120/80")
        return
    for signal, one in zip(("systolic_mmhg", "diastolic_mmhg"), both, strict=True):
        fields = in_unit(context, row, table, signal, one)
        if fields is None:
            return
        yield signal, fields


def in_unit(context: Context, row: list[str], table: CodeRow, signal: str, found: Number) -> Fields | None:
    """The field of a number in the signal's unit; None, with a dead letter, without a unit that is known."""
    fields = fields_of_number(table, signal, found, units_of(context, row), context.tables)
    if isinstance(fields, str):
        context.outcome.refuse(fields, f"{place_of(row)}: OBX-6 is empty or no unit that {signal} may have")
        return None
    return fields


def with_site(context: Context, row: list[str], table: CodeRow, fields: Fields) -> Fields:
    """Where a temperature was taken: by its code, else by OBX-20."""
    site = table.site or context.tables.word(
        "temperature_site", context.message.components(context.message.get(row, 20))
    )
    return {**fields, "temperature_site": site} if site else fields


def units_of(context: Context, row: list[str]) -> tuple[str, ...]:
    """What OBX-6 says, by each of its triplets: number, REFID or text. `10^9/L` is often sent without an escape."""
    parts = context.message.components(context.message.get(row, 6))
    power = (f"{parts[0]}^{parts[1]}",) if parts[0].casefold() in ("10", "x10") and len(parts) > 1 else ()
    return power + tuple(part for at, part in enumerate(parts) if part and at % 3 != 2)


def place_of(row: list[str]) -> str:
    """The row by its number, for a dead letter."""
    number = row[1].strip() if len(row) > 1 else ""
    return f"OBX {number}" if number.isdigit() else "OBX"
