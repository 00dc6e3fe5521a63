"""OBR, SPM and OBX: each row judged by code, value, unit and time, and grouped to drafts of events."""

from __future__ import annotations

from collections.abc import Hashable
from typing import NamedTuple

from agents.feeds.hl7.context import Context
from agents.feeds.hl7.groups import groups_of
from agents.feeds.hl7.observation_row import Reading
from agents.feeds.hl7.row_plan import Plans, readings_of
from agents.feeds.translation.moments import Moment
from agents.feeds.translation.rows import PUMP_SIGNALS
from agents.feeds.translation.statements import Draft, Part
from schemas.events import SIGNALS
from schemas.field_types import Source
from schemas.labs import LAB_VALUES
from schemas.topics import EventType

SUPPORT = frozenset({"oxygen_device", "oxygen_flow_l_per_min", "fio2_fraction"})
KINDS: dict[str, EventType] = {**dict.fromkeys(SIGNALS, "vitals"), **dict.fromkeys(LAB_VALUES, "labs")}
PRESSURES = frozenset({"systolic_mmhg", "diastolic_mmhg", "mean_arterial_mmhg"})


class Place(NamedTuple):
    """A draft, and the signals in it: each can be only once in an event."""

    draft: Draft
    signals: set[str]


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
    """One draft for each kind of event, instant and source; the second value of a signal makes one of its own."""
    readings = with_site(readings)
    charted = {one.at.ms for one in readings if one.signal in SUPPORT and one.source == "charted"}
    places: dict[tuple[EventType, int, str], list[Place]] = {}
    before = f"{patient_id}\x1f{context.origin}\x1f"
    for one in readings:
        source = "charted" if one.signal in SUPPORT and one.at.ms in charted else one.source
        kind = KINDS.get(one.signal, "patient")
        had = places.setdefault((kind, one.at.ms, source), [])
        place = had[0] if had and one.signal not in had[0].signals else another(had, one.signal)
        if place is None:
            place = Place(draft_of(context, patient_id, kind, one.at, source), set())
            had.append(place)
        place.draft.parts.append(Part(f"{before}{one.about}\x1f{one.at.ms}", one.fields, one.corrected))
        place.signals.add(one.signal)
        if one.device:
            with_device(place.draft, one.device)
    return [place.draft for had in places.values() for place in had]


def another(had: list[Place], signal: str) -> Place | None:
    """The first place where a signal is not yet."""
    return next((place for place in had if signal not in place.signals), None)


def draft_of(context: Context, patient_id: str, kind: EventType, at: Moment, source: Source | str) -> Draft:
    """An empty draft of one kind."""
    common = {"source": source} if kind == "vitals" else {}
    return Draft(kind, patient_id, at, context.received, [], context.version, common)


def with_device(draft: Draft, device: str) -> None:
    """The device of an observation, as long as all of its rows are of one."""
    if draft.type == "vitals" and draft.common.setdefault("device_id", device) != device:
        draft.common["device_id"] = None


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
