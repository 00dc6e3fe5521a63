"""One OBX: is its code one of ours, has it a value, a number in a unit, a time?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from agents.feeds.hl7.context import Context
from agents.feeds.hl7.groups import Group, containers_of, device_in
from agents.feeds.hl7.observation_value import place_of, values
from agents.feeds.translation.moments import Moment
from agents.feeds.translation.rows import CodeRow
from agents.feeds.translation.statements import Fields
from agents.feeds.translation.tables import Found
from schemas.field_types import Source
from schemas.labs import LAB_VALUES

VALUE_STATUSES = frozenset({"F", "P", "R", "S", "V", "C", ""})
NO_VALUE_STATUSES = frozenset({"X", "N", "I", "O", "U"})
VOID_STATUSES = frozenset({"D", "W"})
METHODS: dict[str, Source] = {"MMEAS": "charted", "AMEAS": "monitor"}


class Reading(NamedTuple):
    """A row that is of use. `fields` None: it is taken back.

    `about`: code, OBX-4 and OBX-18, which with patient, sender and time are what it is about.
    """

    signal: str
    fields: Fields | None
    at: Moment
    source: Source
    device: str
    about: str
    corrected: bool
    rank: str | None
    row: list[str]


def read_row(context: Context, group: Group, row: list[str]) -> Iterator[Reading]:
    """What an OBX states: nothing, one signal, or two of a blood pressure; counts or sets aside what cannot be used."""
    message = context.message
    status = message.get(row, 11).strip().upper()
    if status == "X" and not message.get(row, 2) and not message.get(row, 5):
        context.outcome.skip("no_value")
        return
    found = coded(context, row)
    if found is None or not has_value(context, row, status):
        return
    for signal, fields in values(context, row, found.row, status in VOID_STATUSES):
        at = time_of(context, group, row, found.row.signal in LAB_VALUES)
        if at is not None:
            yield Reading(
                signal=signal,
                fields=fields,
                at=at,
                source=source_of(context, row, status, found),
                device=device_of(context, group, row),
                about=about(context, row, found.row, signal),
                corrected=status == "C",
                rank=rank_of(found.row, signal),
                row=row,
            )


def coded(context: Context, row: list[str]) -> Found | None:
    """The table row of OBX-3; counts a code that no table knows, or that is of no use."""
    get = context.message.get
    text = get(row, 3)
    if not context.is_readable(text + get(row, 4) + get(row, 18), f"{place_of(row)}: OBX-3, OBX-4 or OBX-18"):
        return None
    codings = context.codings(text)
    found = context.tables.find(codings)
    if found == "conflict":
        context.outcome.refuse("code_conflict", f"{place_of(row)}: OBX-3 names two different terms")
    elif found is None:
        first = codings[0] if codings else None
        context.outcome.miss("signal", *((first.system, first.code, first.text) if first else ("", "", "")))
    elif found.row.signal == "ignore":
        context.outcome.skip("not_for_us")
    else:
        return found
    return None


def has_value(context: Context, row: list[str], status: str) -> bool:
    """Whether OBX-11 and OBX-5 state a value, or take one back."""
    if status in VOID_STATUSES:
        return True
    if status in NO_VALUE_STATUSES or not context.message.get(row, 5).strip():
        context.outcome.skip("no_value")
        return False
    if status not in VALUE_STATUSES:
        context.outcome.refuse("unknown_value", f"{place_of(row)}: OBX-11 is no status that is known")
        return False
    return True


def about(context: Context, row: list[str], table: CodeRow, signal: str) -> str:
    """The code that decided (of `120/80` also which of the two), OBX-4 and OBX-18."""
    part = signal if table.signal == "blood_pressure" else ""
    get = context.message.get
    return "\x1f".join((table.system, table.code, part, get(row, 4), get(row, 18)))


def rank_of(table: CodeRow, signal: str) -> str | None:
    """Before or after which other readings of its signal a row comes."""
    return table.rank or ("rate" if signal == "heart_rate_per_min" else None)


def source_of(context: Context, row: list[str], status: str, found: Found) -> Source:
    """Whether a device or a person stated it."""
    message = context.message
    if context.sender.source is not None:
        return context.sender.source
    methods = {message.components(one)[0].upper() for one in message.repetitions(row, 17)}
    for method, source in METHODS.items():
        if method in methods:
            return source
    is_device = (found.is_mdc or context.is_pcd) and not message.get(row, 16)
    return "monitor" if status == "R" or is_device else "charted"


def time_of(context: Context, group: Group, row: list[str], is_laboratory: bool) -> Moment | None:
    """When a row was true: OBX-14, else that of what it is contained in, else OBR-7. A drawing is OBR-7 or SPM-17."""
    own = context.message.first(row, 14)
    if is_laboratory:
        candidates = [("OBR-7", group.requested), ("SPM-17", group.drawn), ("OBX-14", own)]
    else:
        outer = inherited(group.times, context.message.get(row, 4))
        candidates = [("OBX-14", own or outer), ("OBR-7", group.requested)]
    for where, written in candidates:
        if written:
            return context.moment(written, f"{place_of(row)}: {where}")
    context.outcome.refuse("missing_field", f"{place_of(row)}: neither OBX-14 nor OBR-7 says when it was true")
    return None


def inherited(stated: dict[str, str], place: str) -> str:
    """What the nearest row that contains this one states."""
    if not stated or "." not in place:
        return ""
    return next((stated[outer] for outer in containers_of(place) if outer in stated), "")


def device_of(context: Context, group: Group, row: list[str]) -> str:
    """The device that measured: OBX-18, its own or that of what contains it."""
    return device_in(context.message, row) or inherited(group.devices, context.message.get(row, 4))
