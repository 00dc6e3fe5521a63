"""ADT: who is where, since when; and which two ids are one patient."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from agents.feeds.hl7.context import Context, patient_in
from agents.feeds.translation.memory import Memory
from agents.feeds.translation.moments import Moment, day_of, hl7_moment
from agents.feeds.translation.statements import Draft, Fields, Part

STATUSES: Mapping[str, str] = {
    **dict.fromkeys(("A01", "A04", "A13"), "admitted"),
    **dict.fromkeys(("A02", "A12", "A17"), "transferred"),
    **dict.fromkeys(("A03", "A11"), "discharged"),
    **dict.fromkeys(("A05", "A06", "A07", "A08", "A28", "A31"), "updated"),
}
MERGES = frozenset({"A18", "A34", "A40", "A47"})
CANCELS = frozenset({"A11", "A12", "A13"})
# What A12 and A13 take back, where it is remembered.
CANCELLED = {"A12": "transferred", "A13": "discharged"}
DEATH = frozenset({"20", "40", "41", "42"})
LONGEST_PLACE = 64


def movement(context: Context, trigger: str, memory: Memory) -> Iterator[Draft]:
    """The drafts of an ADT message, for each of its patients."""
    at = time_of(context, trigger)
    if at is None:
        return
    for patient, visit, _ in patients_of(context.message.segments):
        patient_id = patient_in(context, patient)
        if patient_id is None:
            context.outcome.refuse("no_patient", "PID-3: names no patient by an identifier of the list")
        elif context.is_readable(patient_id, "PID-3"):
            yield from one_movement(
                context, trigger, memory, patient_id, at, state_of(context, trigger, patient, visit)
            )


def one_movement(
    context: Context, trigger: str, memory: Memory, patient_id: str, at: Moment, fields: Fields
) -> Iterator[Draft]:
    """The event of one patient; a cancelled movement that is remembered is taken back instead."""
    group = "\x1f".join((patient_id, context.origin, "movement"))
    own_key = "\x1f".join((group, trigger, str(at.ms)))
    cancelled = [key for key in memory.standing(group) if key.split("\x1f")[-2] == CANCELLED.get(trigger)]
    if memory.is_done(own_key):
        context.outcome.skip("repeat")
    elif cancelled:
        memory.done(own_key)
        yield Draft("patient", patient_id, at, context.received, [Part(cancelled[-1], None)], context.version)
    else:
        # A death is the same statement as a discharge: one may correct the other.
        kind = "discharged" if fields["status"] == "died" else fields["status"]
        key = "\x1f".join((group, kind, str(at.ms)))
        memory.belongs(group, key)
        yield Draft("patient", patient_id, at, context.received, [Part(key, fields)], context.version)


def patients_of(segments: list[list[str]]) -> list[tuple[list[str], list[str], list[list[str]]]]:
    """Each PID with the PV1 and the MRG that follow it."""
    found: list[tuple[list[str], list[str], list[list[str]]]] = []
    for segment in segments:
        if segment[0] == "PID":
            found.append((segment, [], []))
        elif segment[0] == "PV1" and found and not found[-1][1]:
            found[-1] = (found[-1][0], segment, found[-1][2])
        elif segment[0] == "MRG" and found:
            found[-1][2].append(segment)
    return found or [([], [], [])]


def state_of(context: Context, trigger: str, patient: list[str], visit: list[str]) -> Fields:
    """Status, birth date, unit and bed."""
    message = context.message
    status = STATUSES[trigger]
    died = message.first(visit, 36).lstrip("0") in DEATH or message.first(patient, 30).upper() == "Y"
    fields: Fields = {"status": "died" if trigger == "A03" and died else status}
    born = day_of(message.first(patient, 7))
    if born is not None:
        fields["birth_date"] = born
    return {**fields, **place_of(context, visit)}


def place_of(context: Context, visit: list[str]) -> Fields:
    """Unit and bed of PV1-3: `ICU^101^A` is bed 101-A of unit ICU; one that cannot be read is left out."""
    text = context.message.get(visit, 3).partition(context.message.repetition)[0]
    if not context.is_readable(text, "PV1-3"):
        return {}
    parts = [part.partition(context.message.subcomponent)[0] for part in context.message.components(text)]
    unit, bed = parts[0], "-".join(part for part in parts[1:3] if part)
    return {name: value[:LONGEST_PLACE] for name, value in (("unit", unit), ("bed", bed)) if value}


def time_of(context: Context, trigger: str) -> Moment | None:
    """When it happened: the first of the trigger's sources that is a time; None, with a dead letter, for none."""
    why = None
    for segment, number in time_sources(trigger):
        found = next((one for one in context.message.segments if one[0] == segment), [])
        written = context.message.first(found, number)
        at = hl7_moment(written, context.clocks) if written else None
        if isinstance(at, Moment):
            return at
        if at is not None and at != "not_a_time":
            why = why or at
    context.outcome.refuse(why or "missing_field", "EVN and MSH-7: no time of the movement, or none with an offset")
    return None


def time_sources(trigger: str) -> list[tuple[str, int]]:
    """Where the time of a trigger stands. A cancel is true from when it was recorded: EVN-6 may be weeks old there."""
    if trigger in CANCELS:
        return [("EVN", 2), ("MSH", 7)]
    visit = {"A01": [("PV1", 44)], "A04": [("PV1", 44)], "A03": [("PV1", 45)]}.get(trigger, [])
    return [("EVN", 6), *visit, ("EVN", 2), ("MSH", 7)]


def merges(context: Context, trigger: str) -> Iterator[Draft]:
    """For each PID and MRG: the story of MRG-1 goes on under PID-3."""
    at = time_of(context, trigger)
    if at is None:
        return
    for patient, _, merged in patients_of(context.message.segments):
        surviving = patient_in(context, patient)
        for one in merged or [[]]:
            former = patient_in(context, one, (1,))
            if surviving is None or former is None:
                context.outcome.refuse("no_patient", "PID-3 and MRG-1: one of them names no patient of the list")
            elif context.is_readable(surviving + former, "PID-3 or MRG-1"):
                key = "\x1f".join((former, context.origin, "merge", surviving))
                part = Part(key, {"merged_into": surviving})
                yield Draft("patient", former, at, context.received, [part], context.version, timeless=True)
