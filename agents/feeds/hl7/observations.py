"""OBR, SPM and OBX: each row judged by code, value, unit and time, and grouped to drafts of events."""

from __future__ import annotations

from collections.abc import Hashable
from typing import NamedTuple

from agents.feeds.hl7.context import Context
from agents.feeds.hl7.groups import groups_of
from agents.feeds.hl7.observation_row import Reading
from agents.feeds.hl7.row_plan import Plans, readings_of
from agents.feeds.translation.rows import PUMP_SIGNALS
from agents.feeds.translation.statements import Draft, Fields, Part
from schemas.events import SIGNALS
from schemas.field_types import Source
from schemas.labs import LAB_VALUES
from schemas.topics import EventType

SUPPORT = frozenset({"oxygen_device", "oxygen_flow_l_per_min", "fio2_fraction"})
KINDS: dict[str, EventType] = {**dict.fromkeys(SIGNALS, "vitals"), **dict.fromkeys(LAB_VALUES, "labs")}
PRESSURES = frozenset({"systolic_mmhg", "diastolic_mmhg", "mean_arterial_mmhg"})


class Place(NamedTuple):
    """The readings of one event: each signal can be only once in it."""

    kind: EventType
    source: Source
    readings: list[Reading]


def observations(context: Context, patient_id: str | None) -> tuple[list[Draft], list[list[Reading]]]:
    """The drafts of all observations, and the rows of pumps, which pumps.py reads. Without a patient: no drafts."""
    plans: Plans = context.tables.plans.setdefault(plan_key(context), {})
    readings: list[list[Reading]] = []
    pumps: list[list[Reading]] = []
    for group in groups_of(context.message):
        found = readings_of(context, group, plans)
        of_pumps = [one for one in found if one.signal in PUMP_SIGNALS]
        if of_pumps:
            pumps.append(of_pumps)
            found = [one for one in found if one.signal not in PUMP_SIGNALS]
        readings.append(found)
    without_outranked(context, readings)
    drafts = [draft for found in readings for draft in drafts_of(context, patient_id or "", found)]
    return drafts, pumps


def plan_key(context: Context) -> Hashable:
    """What beside the row itself decides how it is read."""
    message = context.message
    return (context.sender.source, context.is_pcd, message.component, message.repetition, message.escape)


def without_outranked(context: Context, readings: list[list[Reading]]) -> None:
    """At one instant an invasive pressure comes before a cuff's, and any other heart rate before a pulse."""
    ranked = {(one.signal, one.at.ms, one.rank) for found in readings for one in found if one.rank and one.fields}
    if not ranked:
        return
    for found in readings:
        for one in list(found):
            above = None
            if one.signal in PRESSURES and one.rank != "invasive":
                above = "invasive"
            elif one.rank == "pulse":
                above = "rate"
            if above is not None and one.fields is not None and (one.signal, one.at.ms, above) in ranked:
                found.remove(one)
                context.outcome.skip("outranked")


def drafts_of(context: Context, patient_id: str, readings: list[Reading]) -> list[Draft]:
    """One draft for each place of these readings."""
    before = f"{patient_id}\x1f{context.origin}\x1f"
    return [draft_of(context, patient_id, before, place) for place in places_of(with_site(readings))]


def draft_of(context: Context, patient_id: str, before: str, place: Place) -> Draft:
    """The draft of one place. `before`: what all of its keys begin with."""
    at = place.readings[0].at
    after = f"\x1f{at.ms}"
    parts = [Part(f"{before}{one.about}{after}", one.fields, one.corrected) for one in place.readings]
    common: Fields = {}
    if place.kind == "vitals":
        devices = {one.device for one in place.readings if one.device}
        common = {"source": place.source, "device_id": devices.pop() if len(devices) == 1 else None}
    return Draft(place.kind, patient_id, at, context.received, parts, context.version, common)


def places_of(readings: list[Reading]) -> list[Place]:
    """The readings by kind of event, instant and source; the second value of a signal needs a place of its own."""
    if is_one_place(readings):
        return [Place(KINDS.get(readings[0].signal, "patient"), readings[0].source, readings)]
    charted = {one.at.ms for one in readings if one.signal in SUPPORT and one.source == "charted"}
    places: dict[tuple[EventType, int, Source], list[Place]] = {}
    for one in readings:
        source = "charted" if one.signal in SUPPORT and one.at.ms in charted else one.source
        kind = KINDS.get(one.signal, "patient")
        had = places.setdefault((kind, one.at.ms, source), [])
        place = next((place for place in had if all(one.signal != other.signal for other in place.readings)), None)
        if place is None:
            place = Place(kind, source, [])
            had.append(place)
        place.readings.append(one)
    return [place for had in places.values() for place in had]


def is_one_place(readings: list[Reading]) -> bool:
    """Whether all readings fit into one event, as those of a bedside monitor do."""
    if not readings:
        return False
    _, _, at, source, *_ = readings[0]
    kind = KINDS.get(readings[0].signal, "patient")
    for one in readings:
        if one.at.ms != at.ms or one.source != source or KINDS.get(one.signal, "patient") != kind:
            return False
    return len({one.signal for one in readings}) == len(readings)


def with_site(readings: list[Reading]) -> list[Reading]:
    """A row that only says where the temperature was taken belongs to the temperatures of its OBR and instant."""
    if "temperature_site" not in {one.signal for one in readings}:
        return readings
    sites = {one.at.ms: one.fields for one in readings if one.signal == "temperature_site" and one.fields}
    found = []
    for one in readings:
        if one.signal == "temperature_celsius" and one.fields is not None and one.at.ms in sites:
            one = one._replace(fields={**sites[one.at.ms], **one.fields})
        if one.signal != "temperature_site":
            found.append(one)
    return found
