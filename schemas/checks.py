"""Checks of an event that need more than one field, and what is left of it without its implausible signals."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from operator import itemgetter
from typing import Any

from pydantic import ValidationError
from pydantic_core import from_json, to_json

from schemas.assessments import Neuro
from schemas.decoded import Decoded, ImplausibleSignal, Refused
from schemas.events import SIGNALS, Event, JudgedEvent, Patient, Tick, Vitals
from schemas.labs import LAB_VALUES, Labs
from schemas.refusal import Fault, faults
from schemas.system_records import RESERVED_FIELDS

Validate = Callable[..., Event]
Faults = tuple[Fault, ...]
NOT_FINITE = Refused("not_finite", "NaN or Infinity, which JSON does not have")
_signals = itemgetter(*SIGNALS)
_lab_values = itemgetter(*LAB_VALUES)
_findings = itemgetter("seizure", "motor_weakness", "cerebral_oedema")
# These may be removed from an otherwise valid event; without its dose or rate a line is one of unknown dose. A time
# may not: the rest would mislead.
REMOVABLE = frozenset(
    {
        *(signal.name for signal in SIGNALS.values() if signal.is_number),
        *LAB_VALUES,
        "dose",
        "rate",
        "weight_kg",
        "age_years",
        "birth_date",
        "infused_at",
        "baseline_systolic_mmhg",
        "baseline_spo2_percent",
        "baseline_oxygen_flow_l_per_min",
    }
)
OLDEST_YEARS = 120
UNBORN = Fault("implausible_value", "birth_date", f"birth_date: must be 0 to {OLDEST_YEARS} years before effective_at")


def check_fields(event: Event, removed: Faults, payload: bytes, validate: Validate) -> Decoded | Refused:
    """Checks that need more than one field: any signal at all, sound references, a possible birth date."""
    if isinstance(event, Vitals):
        if not (removed or has_signal(event)):
            return Refused("no_signal", "vitals without any signal")
    elif isinstance(event, Patient) and event.birth_date is not None and not was_born(event):
        unborn = UNBORN._replace(value=event.birth_date.isoformat())
        return without_implausible((*removed, unborn), payload, validate)
    elif isinstance(event, Labs | Neuro) and not removed and not has_content(event):
        return Refused("no_signal", "labs without any value" if isinstance(event, Labs) else "neuro without a finding")
    why = contradiction(event)
    if why is not None:
        return why
    if removed or event.__pydantic_extra__:
        return without_unknown_fields(event, removed, payload, validate)
    return Decoded(event)


def has_signal(vitals: Vitals) -> bool:
    """Whether the event has any signal. The site of a temperature alone is none."""
    return bool(_signals(vitals.__dict__).count(None) < len(SIGNALS))


def has_content(event: Labs | Neuro) -> bool:
    """Whether there is any laboratory value, or any finding."""
    values = (_lab_values if isinstance(event, Labs) else _findings)(event.__dict__)
    return any(value is not None for value in values)


def was_born(patient: Patient) -> bool:
    """Whether the birth date gives an age from 0 to 120 years; one day is tolerated, because it is a local date."""
    assert patient.birth_date is not None
    day = patient.effective_at.date()
    return patient.birth_date <= day + timedelta(days=1) and day.year - patient.birth_date.year <= OLDEST_YEARS


def contradiction(event: JudgedEvent) -> Refused | None:
    """Refuses an event that refers to itself."""
    if isinstance(event, Tick):
        return None
    if event.replaces == event.event_id:
        return Refused("refers_to_itself", "replaces: is the event's own event_id")
    if isinstance(event, Patient) and event.merged_into == event.patient_id:
        return Refused("refers_to_itself", "merged_into: is the event's own patient_id")
    return None


def refused(fault: Fault) -> Refused:
    """Refuses a message for one of its faults."""
    return Refused(fault.reason, fault.detail)


def reserved(field: str) -> Refused:
    """Refuses a message that only a worker may write, and only into the log."""
    return Refused("reserved", f"{field}: only workers write it, and only into the log")


def reserved_field(message: Mapping[str, Any], *, in_log: bool = False) -> Refused | None:
    """Refuses a message with a field that only workers write, unless it is null; `story` was one of older builds."""
    fields = RESERVED_FIELDS - {"merged_from"} if in_log else RESERVED_FIELDS
    found = (name for name in sorted(fields) if message.get(name) is not None)
    return next(map(reserved, found), None)


def without_implausible(found: Faults, payload: bytes, validate: Validate) -> Decoded | Refused:
    """The event without its implausible signals; if anything else is wrong with it, the first such fault."""
    for fault in found:
        if fault.reason != "implausible_value" or fault.field not in REMOVABLE:
            return refused(fault)
    smaller = without_fields(payload, found)
    try:
        event = validate(smaller, extra="allow")
    except ValidationError as error:
        return refused(faults(error, smaller, None)[0])
    return check_fields(event, found, smaller, validate)


def without_fields(payload: bytes, removed: Faults) -> bytes:
    """The same message without some of its fields."""
    gone = {fault.field for fault in removed}
    fields = from_json(payload)
    return to_json({name: value for name, value in fields.items() if name not in gone}, inf_nan_mode="constants")


def without_unknown_fields(event: Event, removed: Faults, payload: bytes, validate: Validate) -> Decoded | Refused:
    """The event without its unknown fields, with their names and the signals that were removed before."""
    extra = event.__pydantic_extra__ or {}
    unknown = tuple(sorted(extra))
    why = NOT_FINITE if unknown and has_nan(payload) else reserved_field(extra)
    if why is not None:
        return why
    implausible = tuple(ImplausibleSignal(f.field, f.value, f.detail) for f in removed)
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
