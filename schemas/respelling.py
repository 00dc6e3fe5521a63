"""Writes a message as the models read it, when it is written in another way that the contract allows.

Allowed are: null for a field that may be left out, 7.0 for a whole number, and the other ways of ISO 8601 to write a
time. This costs more than reading, so it is tried only for a message that the models refuse.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

from pydantic.fields import FieldInfo

from schemas.assessments import Acknowledge, Attribution, InfectionWorkup, Neuro, Note, Snooze
from schemas.events import Medication, Patient, Tick, Vitals
from schemas.instants import IsoTime, in_extended_form
from schemas.labs import Labs

MODELS = (Vitals, Medication, Patient, Attribution, Acknowledge, Snooze, InfectionWorkup, Note, Neuro, Labs, Tick)
FIELDS = [(name, field) for model in MODELS for name, field in model.model_fields.items()]
KNOWN = frozenset(name for name, _ in FIELDS)
REQUIRED = frozenset(name for name, field in FIELDS if field.is_required())


def of_type(kind: Any) -> frozenset[str]:
    """The names of the fields whose values are of this type, or marked with it."""
    return frozenset(name for name, field in FIELDS if kind in _types(field))


def _types(field: FieldInfo) -> set[Any]:
    options = [field.annotation, *field.metadata, *get_args(field.annotation)]
    return {one for option in options for one in (option, *get_args(option)) if isinstance(one, type)}


WHOLE_NUMBERS = of_type(int)
TIMES = of_type(IsoTime)


def respelled(message: Mapping[str, Any]) -> dict[str, Any] | None:
    """The fields of a message as the models read them; None when none of them was written in another way."""
    again: dict[str, Any] = {}
    for name, value in message.items():
        if value is not None or name not in KNOWN or name in REQUIRED:
            again[name] = _respelled_value(name, value)
    same = len(again) == len(message) and all(again[name] is value for name, value in message.items())
    return None if same else again


def _respelled_value(name: str, value: Any) -> Any:
    if name in WHOLE_NUMBERS and isinstance(value, float) and value.is_integer():
        return int(value)
    if name in TIMES and isinstance(value, str):
        return in_extended_form(value) or value
    return value
