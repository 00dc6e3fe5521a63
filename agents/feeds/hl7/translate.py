"""A message of HL7 v2 as events of the contract: `message, settings, memory -> outcome`, without I/O or clock."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import chain

from agents.feeds.hl7.context import Context, context_of, patient_in
from agents.feeds.hl7.medication import medication
from agents.feeds.hl7.message import NotHl7, parse
from agents.feeds.hl7.movement import MERGES, STATUSES, merges, movement
from agents.feeds.hl7.observations import observations
from agents.feeds.hl7.pumps import pump_drafts
from agents.feeds.translation.delivery import deliver
from agents.feeds.translation.memory import Memory
from agents.feeds.translation.outcome import Outcome
from agents.feeds.translation.settings import FeedSettings
from agents.feeds.translation.statements import Draft

# Triggers of ORU that bring observations or a pump's events; R40 is an alarm, W01 a waveform.
OBSERVATIONS = frozenset({"", "R01", "R30", "R31", "R32", "R42"})
REQUIRED = {9: "what kind of message it is", 10: "its id"}


def translate(raw: bytes, settings: FeedSettings, memory: Memory, arrival: int | None = None) -> Outcome:
    """What one message says. `arrival`: when it came, ms; None for a file. Changes `memory`, and nothing else."""
    outcome = Outcome()
    try:
        message = parse(raw, default_charset(raw, settings))
    except NotHl7 as error:
        outcome.refuse("not_hl7", str(error))
        return outcome
    for number, what in REQUIRED.items():
        if not message.first(message.header, number):
            outcome.refuse("missing_field", f"MSH-{number}: {what}")
            return outcome
    dispatch(context_of(message, settings, outcome, arrival), memory)
    return outcome


def default_charset(raw: bytes, settings: FeedSettings) -> str | None:
    """The character set that a sender of this message has in the settings; only asked where any has one."""
    if not any(row.charset for row in settings.file.sender):
        return None
    header = parse(raw, "latin-1")
    return settings.sender(header.first(header.header, 3), header.first(header.header, 4)).charset


def dispatch(context: Context, memory: Memory) -> None:
    """Reads the message by its type; one that is not for us is counted."""
    kind, trigger = (*context.message.components(context.message.get(context.message.header, 9)), "")[:2]
    kind, trigger = kind.upper(), trigger.upper()
    if kind == "ORU" and trigger in OBSERVATIONS:
        for one in by_patient(context):
            observed(one, memory)
    elif kind == "RAS":
        for one in by_patient(context):
            administered(one, memory)
    elif kind == "ADT" and trigger in MERGES:
        deliver(merges(context, trigger), memory, context.outcome)
    elif kind == "ADT" and trigger in STATUSES:
        deliver(movement(context, trigger, memory), memory, context.outcome)
        observed(context, memory)
    else:
        context.outcome.skip("not_for_us")


def by_patient(context: Context) -> Iterator[Context]:
    """The message for each of its patients: most have one, a batch of results may have more."""
    segments = context.message.segments
    starts = [at for at, segment in enumerate(segments) if segment[0] == "PID"]
    if len(starts) < 2:
        yield context
        return
    for start, end in zip(starts, [*starts[1:], len(segments)], strict=True):
        part = replace(context.message, segments=[segments[0], *segments[start:end]])
        yield replace(context, message=part)


def patient_of(context: Context) -> str | None:
    """The patient of PID; None where there is none, or none that can be read."""
    segment = next((one for one in context.message.segments if one[0] == "PID"), [])
    return patient_in(context, segment)


def observed(context: Context, memory: Memory) -> None:
    """Observations and pump rows. Only where something is of use does it matter whose it is."""
    patient_id = patient_of(context)
    drafts, pump_rows = observations(context, patient_id)
    pumps = [draft for rows in pump_rows for draft in pump_drafts(context, patient_id or "", rows)]
    if (drafts or pumps) and is_someones(context, patient_id):
        deliver(chain(drafts, pumps), memory, context.outcome)


def administered(context: Context, memory: Memory) -> None:
    """Administrations."""
    patient_id = patient_of(context)
    drafts: list[Draft] = list(medication(context, patient_id or "", memory))
    if drafts and is_someones(context, patient_id):
        deliver(drafts, memory, context.outcome)


def is_someones(context: Context, patient_id: str | None) -> bool:
    """Whether the message names a patient by an identifier of the list; else the whole of it is a dead letter."""
    if patient_id is None:
        context.outcome.refuse("no_patient", "PID-3: names no patient by an identifier of the list")
        return False
    return context.is_readable(patient_id, "PID-3")
