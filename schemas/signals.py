"""Signals: what an observation may carry. A signal is a field of `schemas.events.Vitals` with a title.

Its title is its name for people, its type gives the plausible range and the unit (UCUM, `x-unit`). All that depends on
a signal (decoding, latest values, published state, history, board) is derived from the field.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo

# How units are shown to people, where that is not UCUM.
SHOWN = {"Cel": "°C", "mm[Hg]": "mmHg", "{score}": None}


class Signal(NamedTuple):
    """One signal."""

    name: str
    title: str
    unit: str | None  # as shown to people
    is_number: bool


def signals_of(model: type[BaseModel]) -> dict[str, Signal]:
    """The signals of a model by name, in the order of its fields."""
    return {
        name: Signal(name, field.title, unit_of(field), is_number(field))
        for name, field in model.model_fields.items()
        if field.title is not None
    }


def is_number(field: FieldInfo) -> bool:
    """Whether the values of a field are numbers."""
    return any(kind in str(field.annotation) for kind in ("float", "int"))


def unit_of(field: FieldInfo) -> str | None:
    """The unit of a field as shown to people; None: it has none."""
    for extra in _extras(field.annotation):
        ucum = extra.get("x-unit")
        if isinstance(ucum, str):
            return SHOWN.get(ucum, ucum)
    return None


def _extras(annotation: Any) -> Iterator[dict[str, Any]]:
    """The JSON Schema extras of an annotated type and of the members of a union."""
    for one in (*getattr(annotation, "__metadata__", ()), *get_args(annotation)):
        if isinstance(one, FieldInfo) and isinstance(one.json_schema_extra, dict):
            yield one.json_schema_extra
        elif not isinstance(one, FieldInfo):
            yield from _extras(one)
