"""Decodes a message into an event, or refuses it with a reason. Every message from outside passes here.

A good message costs one pydantic call. Pydantic keeps unknown fields aside for us (`extra="allow"`), so counting them
is a look at an empty dict. All else is rare and may take its time, but never raises and is linear in the input.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from operator import itemgetter
from typing import NamedTuple, get_args

from pydantic import TypeAdapter, ValidationError
from pydantic_core import from_json, to_json

from schemas.dead_letters import PAYLOAD_LIMIT_BYTES, DeadLetterReason
from schemas.events import EVENT, SIGNALS, Assessment, Event, Medication, Patient, Tick, Vitals
from schemas.refusal import Fault, faults
from schemas.topics import EventType


class ImplausibleSignal(NamedTuple):
    """A signal that was removed from its event because its value is outside the plausible range."""

    signal: str
    value: float | str | None
    detail: str


class Decoded(NamedTuple):
    """An event that may be judged, the signals removed from it, and the names of its unknown fields."""

    event: Event
    implausible: tuple[ImplausibleSignal, ...] = ()
    unknown_fields: tuple[str, ...] = ()


class Refused(NamedTuple):
    """Why a message is a dead letter. `detail` names fields and limits, never a value: it may be logged."""

    reason: DeadLetterReason
    detail: str


Validate = Callable[..., Event]
Faults = tuple[Fault, ...]
ANY_TYPE: Validate = EVENT.validator.validate_json
OF_TYPE: dict[EventType, Validate] = {
    "vitals": TypeAdapter(Vitals).validator.validate_json,
    "medication": TypeAdapter(Medication).validator.validate_json,
    "patient": TypeAdapter(Patient).validator.validate_json,
    "assessment": TypeAdapter(Assessment).validator.validate_json,
    "tick": TypeAdapter(Tick).validator.validate_json,
}
assert set(OF_TYPE) == set(get_args(EventType))

_signals = itemgetter(*SIGNALS)
# These may be removed from an otherwise valid event. A dose, a rate or a time may not: the rest would mislead.
REMOVABLE = frozenset(
    {
        *(signal.name for signal in SIGNALS.values() if signal.is_number),
        "weight_kg",
        "age_years",
        "birth_date",
        "infused_at",
        "neutrophils_per_ul",
        "baseline_systolic_mmhg",
        "baseline_oxygen_flow_l_per_min",
    }
)
OLDEST_YEARS = 120
UNBORN = Fault("implausible_value", "birth_date", f"birth_date: must be 0 to {OLDEST_YEARS} years before effective_at")


def decode(payload: bytes | None, default_type: EventType | None = None) -> Decoded | Refused:
    """The event in `payload`, or why there is none. `default_type`: its type when the message has no `type`."""
    if not payload:
        return Refused("empty", "no bytes")
    if len(payload) > PAYLOAD_LIMIT_BYTES:
        return Refused("too_large", f"more than {PAYLOAD_LIMIT_BYTES} bytes")
    validate = ANY_TYPE if default_type is None else OF_TYPE[default_type]
    try:
        event = validate(payload, extra="allow")
    except ValidationError as error:
        return without_implausible(faults(error, payload, default_type), payload, validate)
    return check_fields(event, (), payload, validate)


def check_fields(event: Event, removed: Faults, payload: bytes, validate: Validate) -> Decoded | Refused:
    """Checks that need more than one field: any signal at all, sound references, a possible birth date."""
    if isinstance(event, Vitals):
        if not (removed or has_signal(event)) and event.status == "final":
            return Refused("no_signal", "vitals without any signal")
    elif isinstance(event, Patient) and event.birth_date is not None and not was_born(event):
        unborn = UNBORN._replace(value=event.birth_date.isoformat())
        return without_implausible((*removed, unborn), payload, validate)
    refused = contradiction(event)
    if refused is not None:
        return refused
    if removed or event.__pydantic_extra__:
        return without_unknown_fields(event, removed, payload, validate)
    return Decoded(event)


def has_signal(vitals: Vitals) -> bool:
    """Whether the event has any signal. The site of a temperature alone is none."""
    return bool(_signals(vitals.__dict__).count(None) < len(SIGNALS))


def was_born(patient: Patient) -> bool:
    """Whether the birth date gives an age from 0 to 120 years; one day is tolerated, because it is a local date."""
    assert patient.birth_date is not None
    day = patient.effective_at.date()
    return patient.birth_date <= day + timedelta(days=1) and day.year - patient.birth_date.year <= OLDEST_YEARS


def contradiction(event: Event) -> Refused | None:
    """Refuses a void that refers to no event, and an event that refers to itself."""
    if isinstance(event, Tick):
        return None
    if event.replaces is None:
        if event.status == "entered_in_error":
            return Refused("void_without_replaces", "replaces: is required with status entered_in_error")
    elif event.replaces == event.event_id:
        return Refused("refers_to_itself", "replaces: is the event's own event_id")
    if isinstance(event, Patient) and event.merged_into == event.patient_id:
        return Refused("refers_to_itself", "merged_into: is the event's own patient_id")
    return None


def without_implausible(found: Faults, payload: bytes, validate: Validate) -> Decoded | Refused:
    """The event without its implausible signals; if anything else is wrong with it, the first such fault."""
    for fault in found:
        if fault.reason != "implausible_value" or fault.field not in REMOVABLE:
            return Refused(fault.reason, fault.detail)
    smaller = without_fields(payload, found)
    try:
        event = validate(smaller, extra="allow")
    except ValidationError as error:
        again = faults(error, smaller, None)[0]
        return Refused(again.reason, again.detail)
    return check_fields(event, found, smaller, validate)


def without_fields(payload: bytes, removed: Faults) -> bytes:
    """The same message without some of its fields."""
    gone = {fault.field for fault in removed}
    fields = from_json(payload)
    return to_json({name: value for name, value in fields.items() if name not in gone}, inf_nan_mode="constants")


def without_unknown_fields(event: Event, removed: Faults, payload: bytes, validate: Validate) -> Decoded | Refused:
    """The event without its unknown fields, with their names and the signals that were removed before."""
    unknown = tuple(sorted(event.__pydantic_extra__ or ()))
    if unknown and has_nan(payload):
        return Refused("not_finite", "NaN or Infinity, which JSON does not have")
    # A void carries no readings, so nothing in it can be implausible.
    implausible = () if is_void(event) else tuple(ImplausibleSignal(f.field, f.value, f.detail) for f in removed)
    return Decoded(validate(payload, extra="ignore") if unknown else event, implausible, unknown)


def has_nan(payload: bytes) -> bool:
    """Whether an unknown field holds the number NaN or Infinity; inside a text they are allowed."""
    if b"NaN" not in payload and b"Infinity" not in payload:
        return False
    try:
        from_json(payload, allow_inf_nan=False)
    except ValueError:
        return True
    return False


def is_void(event: Event) -> bool:
    """Whether the event only voids an earlier one."""
    return not isinstance(event, Tick) and event.status == "entered_in_error"
