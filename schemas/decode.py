"""Decodes a message into an event, or refuses it with a reason. Every message from outside passes here.

A good message costs one pydantic call. Pydantic keeps unknown fields aside for us (`extra="allow"`), so counting them
is a look at an empty dict. All else is rare and may take its time, but never raises and is linear in the input.

A message that the models refuse is tried again as they would read it (respelling.py), and a void by its ids alone.
"""

from __future__ import annotations

from typing import Any, get_args

from pydantic import TypeAdapter, ValidationError
from pydantic_core import from_json, to_json

from schemas.assessments import Assessment
from schemas.checks import (
    NOT_FINITE,
    Validate,
    check_fields,
    contradiction,
    has_nan,
    refused,
    reserved,
    reserved_field,
    without_implausible,
)
from schemas.dead_letters import PAYLOAD_LIMIT_BYTES
from schemas.decoded import Decoded, Refused
from schemas.events import EVENT, Event, Medication, Patient, Tick, Vitals
from schemas.labs import Labs
from schemas.patient_event import Void
from schemas.refusal import Fault, fault, faults, type_fault
from schemas.respelling import KNOWN, respelled
from schemas.system_records import RESERVED_TYPES, SYSTEM_TYPES, SystemRecord
from schemas.topics import EventType

# By the type that a message has when it does not say one; None: it must say one.
OF_TYPE: dict[EventType | None, Validate] = {
    None: EVENT.validator.validate_json,
    "vitals": TypeAdapter(Vitals).validator.validate_json,
    "medication": TypeAdapter(Medication).validator.validate_json,
    "patient": TypeAdapter(Patient).validator.validate_json,
    "assessment": TypeAdapter(Assessment).validator.validate_json,
    "labs": TypeAdapter(Labs).validator.validate_json,
    "tick": TypeAdapter(Tick).validator.validate_json,
}
assert set(OF_TYPE) == {None, *get_args(EventType)}
VOID = TypeAdapter(Void).validator.validate_json
SYSTEM = TypeAdapter(SystemRecord).validator.validate_json
# A message grows on its way into the log, by type and arrival, and when its numbers are written in another way.
LOG_LIMIT_BYTES = 8 * PAYLOAD_LIMIT_BYTES
WITHOUT_REPLACES = Refused("void_without_replaces", "replaces: is required with status entered_in_error")


def decode(payload: bytes | None, default_type: EventType | None = None, *, in_log: bool = False) -> Decoded | Refused:
    """The event in `payload`, or why there is none. `default_type`: its type when the message has no `type`.

    `in_log`: it is a record of the log, where workers also write records of the system; elsewhere these are refused.
    """
    if not payload:
        return Refused("empty", "no bytes")
    limit = LOG_LIMIT_BYTES if in_log else PAYLOAD_LIMIT_BYTES
    if len(payload) > limit:
        return Refused("too_large", f"more than {limit} bytes")
    validate = OF_TYPE[default_type]
    try:
        event = validate(payload, extra="allow")
    except ValidationError as error:
        return decode_again(error, payload, default_type, in_log=in_log)
    if not (in_log or isinstance(event, Tick) or event.merged_from is None):
        return reserved("merged_from")
    if is_void(event):
        return decode_void(from_json(payload), payload, default_type, in_log=in_log)
    return check_fields(event, (), payload, validate)


def decode_again(
    error: ValidationError, payload: bytes, default_type: EventType | None, *, in_log: bool
) -> Decoded | Refused:
    """What the models of events refused: a record of the system, a void by its ids, another message as they read it."""
    validate = OF_TYPE[default_type]
    found = faults(error, payload, default_type)
    message = json_object(payload)
    if message is None:
        return refused(found[0])
    if not in_log and (message.get("type") in RESERVED_TYPES or message.get("merged_from") is not None):
        return reserved("type" if message.get("type") in RESERVED_TYPES else "merged_from")
    if message.get("type") in SYSTEM_TYPES:
        return decode_system(payload)
    if message.get("status") == "entered_in_error":
        return decode_void(message, payload, default_type, in_log=in_log)
    again = respelled(message)
    if again is None:
        return without_implausible(found, payload, validate)
    spelled = to_json(again, inf_nan_mode="constants")
    try:
        decoded = check_fields(validate(spelled, extra="allow"), (), spelled, validate)
    except ValidationError as other:
        decoded = without_implausible(faults(other, spelled, default_type), spelled, validate)
    return decoded._replace(respelled=spelled) if isinstance(decoded, Decoded) else decoded


def decode_system(payload: bytes) -> Decoded | Refused:
    """A record of the system, or what is wrong with it: then no worker of ours can have written it."""
    try:
        return Decoded(SYSTEM(payload, extra="ignore"))
    except ValidationError as error:
        return refused(first_fault(error))


def decode_void(
    message: dict[str, Any], payload: bytes, default_type: EventType | None, *, in_log: bool
) -> Decoded | Refused:
    """A void by its ids alone, whatever else it carries; or what is wrong with those."""
    written = respelled(message) or message
    amiss = type_fault(written, default_type)
    if amiss is not None:
        return refused(amiss)
    again = {"type": default_type, **written}
    spelled = to_json(again, inf_nan_mode="constants")
    try:
        event = VOID(spelled)
    except ValidationError as error:
        first = first_fault(error)
        no_id = first.field == "replaces" and first.reason == "missing_field"
        return WITHOUT_REPLACES if no_id else refused(first)
    unknown = tuple(sorted(message.keys() - KNOWN))
    why = NOT_FINITE if has_nan(payload) else reserved_field(message, in_log=in_log) or contradiction(event)
    return why or Decoded(event, (), unknown, None if again == message else spelled)


def first_fault(error: ValidationError) -> Fault:
    """The first fault, in the order of the fields."""
    return fault(error.errors(include_url=False)[0])


def json_object(payload: bytes) -> dict[str, Any] | None:
    """The JSON object in `payload`; None when there is none."""
    try:
        message = from_json(payload)
    except ValueError:
        return None
    return message if isinstance(message, dict) else None


def is_void(event: Event) -> bool:
    """Whether the event only voids an earlier one."""
    return not isinstance(event, Tick) and event.status == "entered_in_error"
