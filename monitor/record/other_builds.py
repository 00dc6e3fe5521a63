"""Reads a state that another build wrote: what this build does not know is left out, what is missing has its default.

A state is named tuples within named tuples, written by position. Fields are only ever added, each with a default, at
the end of its tuple. So a longer tuple comes from a newer build, a shorter one from an older build. A value of a
closed set (a device, a kind of alert) that only a newer build knows is kept as it is: the rules treat an unknown one as
the worst they know, or leave it alone, and it is written back. Anything else that does not fit its type is refused.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

Read = Callable[[Any], Any]
# Which fields of a named tuple need more than to be taken over, and what makes them, by the types of its values.
Plan = tuple[tuple[int, Read], ...]
SCALARS = (bool, int, float, str, bytes, NoneType)


def read_as(kind: Any, value: Any) -> Any:
    """A decoded value in this type. Raises TypeError or ValueError for a value that does not fit."""
    found: type = type(value)
    read = conversion(kind, found)
    return value if read is None else read(value)


def is_named_tuple(kind: Any) -> bool:
    """Whether a type is a class of named tuples."""
    return isinstance(kind, type) and issubclass(kind, tuple) and hasattr(kind, "_fields")


@cache
def conversion(kind: Any, found: type) -> Read | None:
    """What brings a value of a found type into a type; None: it is of that type already."""
    options = get_args(kind) if get_origin(kind) in (Union, UnionType) else (kind,)
    lists = [option for option in options if _is_list(option)]
    assert len(lists) <= 1, "by position, two types that are lists cannot be told apart"
    if kind is Any:
        return None
    if found is list and lists:
        return _list_reader(lists[0])
    scalars = {_scalar(option) for option in options if not _is_list(option)}
    if found in scalars:
        return None
    if found is int and float in scalars:
        return float
    raise TypeError(f"{found.__name__} is not of this type")


@cache
def _list_reader(kind: Any) -> Read:
    if is_named_tuple(kind):
        return _named_tuple(kind)
    members = get_args(kind)
    return _many(members[0]) if members[1:] == (...,) else _fixed(members)


def _named_tuple(kind: Any) -> Read:
    """The fields by their places: the known ones read, unknown ones left out, missing ones with their defaults."""
    hints = list(get_type_hints(kind).values())
    defaults = [kind._field_defaults[name] for name in kind._fields if name in kind._field_defaults]
    required = len(hints) - len(defaults)
    # A row has hundreds of observations of a few shapes, so each shape is looked at once.
    plans: dict[tuple[type, ...], Plan] = {}

    def read(value: list[Any]) -> Any:
        if len(value) < required:
            raise ValueError(f"not a {kind.__name__}: too few fields")
        known = value[: len(hints)]
        shape = tuple(map(type, known))
        plan = plans.get(shape)
        if plan is None:
            plan = plans[shape] = _plan(hints, shape)
        for place, one in plan:
            known[place] = one(known[place])
        return tuple.__new__(kind, known + defaults[len(known) - required :])

    return read


def _plan(hints: list[Any], shape: tuple[type, ...]) -> Plan:
    found = (conversion(hint, one) for hint, one in zip(hints, shape, strict=False))
    return tuple((place, read) for place, read in enumerate(found) if read is not None)


def _many(kind: Any) -> Read:
    if is_named_tuple(kind):
        one = _list_reader(kind)

        def read_tuples(value: list[Any]) -> tuple[Any, ...]:
            if any(type(item) is not list for item in value):
                raise TypeError("not a list")
            return tuple([one(item) for item in value])

        return read_tuples
    return lambda value: tuple([read_as(kind, item) for item in value])


def _fixed(kinds: tuple[Any, ...]) -> Read:
    """A tuple of so many values, which have no defaults: more are left out, fewer refused."""

    def read(value: list[Any]) -> tuple[Any, ...]:
        if len(value) < len(kinds):
            raise ValueError("too few values")
        return tuple([read_as(kind, item) for kind, item in zip(kinds, value, strict=False)])

    return read


def _is_list(kind: Any) -> bool:
    return is_named_tuple(kind) or get_origin(kind) is tuple


def _scalar(kind: Any) -> type:
    """The type of a scalar; a closed set of texts may have values that only a newer build knows."""
    scalar = str if get_origin(kind) is Literal else kind
    assert kind is Any or scalar in SCALARS, f"rows cannot hold {kind}"
    assert get_origin(kind) is not Literal or all(isinstance(value, str) for value in get_args(kind))
    return scalar
