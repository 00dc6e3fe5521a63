"""What is known of a row before its value is read: bedside monitors send the same rows again and again.

Everything of an OBX but its number, value and time decides how it is read. A plan keeps that for rows with a plain
number; all others are read from scratch, and both ways give the same (tests/feeds/hl7/test_row_plan.py).
"""

from __future__ import annotations

from typing import NamedTuple

from agents.feeds.hl7.context import Context
from agents.feeds.hl7.groups import Group, containers_of, device_in
from agents.feeds.hl7.observation_row import Reading, read_row
from agents.feeds.hl7.observation_value import units_of
from agents.feeds.translation.moments import Moment
from agents.feeds.translation.statements import Fields
from agents.feeds.translation.units import UNITLESS, Convert, conversion, fraction
from agents.feeds.translation.values import LONGEST_NUMBER, NUMBER
from schemas.events import SIGNALS
from schemas.field_types import Source

MOST_PLANS = 16_384
MEASURED = frozenset(name for name, signal in SIGNALS.items() if signal.is_number and name not in UNITLESS)
PLANNED = MEASURED | {"fio2_fraction"}


class Plan(NamedTuple):
    """How the number of a row becomes a reading. `beside`: further fields, as the site of a temperature."""

    signal: str
    convert: Convert
    sentinels: tuple[float, ...]
    beside: Fields
    source: Source
    device: str
    about: str
    corrected: bool
    rank: str | None
    containers: tuple[str, ...]


Plans = dict[tuple[str, ...], Plan]


def readings_of(context: Context, group: Group, plans: Plans) -> list[Reading]:
    """What the rows of a group state, each by its plan or from scratch; then its plan is made."""
    found: list[Reading] = []
    moments: dict[str, Moment | None] = {}
    containers = 0
    for row in group.rows:
        if len(row) > 11 and row[11] == "X" and not row[2] and not row[5]:
            containers += 1
            continue
        key = (*row[2:5], *row[6:14], *row[15:])
        plan = plans.get(key)
        reading = None if plan is None else planned(context, group, row, plan, moments)
        if reading is not None:
            found.append(reading)
            continue
        readings = list(read_row(context, group, row))
        if plan is None and len(readings) == 1:
            if len(plans) >= MOST_PLANS:
                plans.clear()
            learn(context, row, readings[0], plans, key)
        found.extend(readings)
    if containers:
        context.outcome.left_out["no_value"] += containers
    return found


def planned(
    context: Context, group: Group, row: list[str], plan: Plan, moments: dict[str, Moment | None]
) -> Reading | None:
    """The reading of a plain number at a plain time; None for all else. `moments`: the times of this group so far."""
    text = row[5]
    written = row[14] if len(row) > 14 else ""
    if not written:
        written = first_in(group.times, plan.containers) or group.requested
    if written not in moments:
        moments[written] = context.plain_moment(written)
    at = moments[written]
    if at is None or not NUMBER.fullmatch(text) or len(text) > LONGEST_NUMBER:
        return None
    value = float(text)
    if value in plan.sentinels:
        return None
    fields = {**plan.beside, plan.signal: plan.convert(value)} if plan.beside else {plan.signal: plan.convert(value)}
    device = plan.device or first_in(group.devices, plan.containers)
    return Reading(plan.signal, fields, at, plan.source, device, plan.about, plan.corrected, plan.rank, row)


def first_in(stated: dict[str, str], containers: tuple[str, ...]) -> str:
    """What the nearest container states; most groups have none, or one, that states anything."""
    for outer in containers if stated else ():
        if outer in stated:
            return stated[outer]
    return ""


def learn(context: Context, row: list[str], reading: Reading, plans: Plans, key: tuple[str, ...]) -> None:
    """Keeps how a row with a plain number was read."""
    if reading.signal not in PLANNED or reading.fields is None:
        return
    found = context.tables.find(context.codings(context.message.get(row, 3)))
    if not isinstance(found, tuple) or found.row.signal != reading.signal:
        return
    units = units_of(context, row) or ((found.row.unit,) if found.row.unit else ())
    is_fraction = reading.signal == "fio2_fraction"
    convert = fraction if is_fraction else conversion(reading.signal, context.tables.units(units))
    place = context.message.get(row, 4)
    if convert is not None:
        plans[key] = Plan(
            signal=reading.signal,
            convert=convert,
            sentinels=found.row.sentinels,
            beside={name: value for name, value in reading.fields.items() if name != reading.signal},
            source=reading.source,
            device=device_in(context.message, row),
            about=reading.about,
            corrected=reading.corrected,
            rank=reading.rank,
            containers=tuple(containers_of(place)) if "." in place else (),
        )
