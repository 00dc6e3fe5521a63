"""Rows as an older or a newer build would write them: fields added to, or taken from, each type of a state."""

from __future__ import annotations

from collections.abc import Callable
from types import UnionType
from typing import Any, Literal, NamedTuple, Union, get_args, get_origin, get_type_hints

import msgspec
import pytest
from lz4.block import compress, decompress

from monitor.model import State
from monitor.record import row
from monitor.record.other_builds import is_named_tuple

NEW_FIELD = "of_the_next_build"
NEW_VALUE = ["new", 5]
NEW_DEFAULT = ("by default",)
UNKNOWN = "known to the next build"
Change = Callable[[Any, list[Any]], list[Any]]


def types_of_a_state() -> list[Any]:
    """Every type of named tuple that a state holds, the state last."""
    found: dict[Any, None] = {}

    def visit(kind: Any) -> None:
        if is_named_tuple(kind) and kind not in found:
            for hint in get_type_hints(kind).values():
                visit(hint)
            found[kind] = None
        else:
            for member in get_args(kind) if get_origin(kind) is not Literal else ():
                visit(member)

    visit(State)
    return list(found)


def closed_sets() -> list[tuple[Any, str]]:
    """Every field of a closed set in a state: its named tuple and its name."""
    return [
        (kind, name)
        for kind in types_of_a_state()
        for name, hint in get_type_hints(kind).items()
        if any(get_origin(one) is Literal for one in (hint, *get_args(hint)))
    ]


def fields_of(payload: bytes) -> list[Any]:
    """The fields of the state in a row, by position."""
    fields: list[Any] = msgspec.msgpack.decode(decompress(msgspec.msgpack.decode(payload)[3]))
    return fields


def with_fields(payload: bytes, fields: list[Any], v: int = row.VERSION) -> bytes:
    """The row with other fields."""
    _, log_offset, digest, _ = msgspec.msgpack.decode(payload)
    return msgspec.msgpack.encode([v, log_offset, digest, compress(msgspec.msgpack.encode(fields))])


def changed(kind: Any, value: Any, change: Change) -> Any:
    """A decoded value of this type with every named tuple in it changed, the innermost first."""
    if type(value) is not list:
        return value
    if is_named_tuple(kind):
        fields = zip(get_type_hints(kind).values(), value, strict=True)
        return change(kind, [changed(hint, one, change) for hint, one in fields])
    if get_origin(kind) in (Union, UnionType):
        lists = (one for one in get_args(kind) if is_named_tuple(one) or get_origin(one) is tuple)
        return changed(next(lists), value, change)
    members = get_args(kind)
    if kind is Any or not members:
        return value
    hints = (members[0],) * len(value) if members[1:] == (...,) else members
    return [changed(hint, one, change) for hint, one in zip(hints, value, strict=True)]


def with_new_field(target: Any) -> Change:
    """As the next build would write it: one more field in a type. In a state, what is unknown stays last."""

    def change(kind: Any, fields: list[Any]) -> list[Any]:
        if kind is not target:
            return fields
        return [*fields[:-1], NEW_VALUE, fields[-1]] if kind is State else [*fields, NEW_VALUE]

    return change


def without_last_field(target: Any) -> Change:
    """As a build before the last field of this type would write it."""

    def change(kind: Any, fields: list[Any]) -> list[Any]:
        if kind is not target:
            return fields
        return [*fields[:-2], fields[-1]] if kind is State else fields[:-1]

    return change


def with_unknown_value(target: Any, name: str) -> Change:
    """As the next build would write it: a value that a closed set does not have today."""
    place = target._fields.index(name)

    def change(kind: Any, fields: list[Any]) -> list[Any]:
        if kind is not target or fields[place] is None:
            return fields
        return [*fields[:place], f"{UNKNOWN}: {fields[place]}", *fields[place + 1 :]]

    return change


def next_model(target: Any) -> Any:
    """The type of a state of the next build, in which one type has a new field with a default."""
    made: dict[Any, Any] = {}

    def of(kind: Any) -> Any:
        if is_named_tuple(kind):
            if kind not in made:
                made[kind] = with_members(kind)
            return made[kind]
        if get_origin(kind) in (Union, UnionType):
            return Union[tuple(of(one) for one in get_args(kind))]  # noqa: UP007  # of types known at run time only
        if get_origin(kind) is tuple:
            return tuple[tuple(one if one is ... else of(one) for one in get_args(kind))]  # type: ignore[misc]
        return kind

    def with_members(kind: Any) -> Any:
        members = [(name, of(hint)) for name, hint in get_type_hints(kind).items()]
        defaults = list(kind._field_defaults.values())
        if kind is target:
            place = len(members) - (kind is State)
            members.insert(place, (NEW_FIELD, tuple[Any, ...]))
            defaults.insert(len(defaults) - (kind is State), NEW_DEFAULT)
        copy: Any = NamedTuple(kind.__name__, members)  # type: ignore[misc]
        copy.__new__.__defaults__ = tuple(defaults)
        names = copy._fields[len(copy._fields) - len(defaults) :]
        copy._field_defaults = dict(zip(names, defaults, strict=True))
        return copy

    return of(State)


def read_by(model: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on rows are read as a build with this model reads them."""
    fields = len(model._fields) - 1
    monkeypatch.setattr(row, "State", model)
    monkeypatch.setattr(row, "FIELDS", fields)
    monkeypatch.setattr(row, "_state", msgspec.msgpack.Decoder(model))
    monkeypatch.setattr(row, "_AS_MANY_FIELDS", msgspec.msgpack.encode([None] * (fields + 1))[: -(fields + 1)])


def agrees(expected: Any, value: Any) -> bool:
    """Whether a value read with another model says the same, field by field by name; `value` may know more."""
    if is_named_tuple(type(expected)):
        return all(agrees(one, getattr(value, name)) for name, one in expected._asdict().items())
    if isinstance(expected, tuple):
        return len(expected) == len(value) and all(map(agrees, expected, value))
    return bool(expected == value)
