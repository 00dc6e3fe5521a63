"""Compares two values field by field: the path of each difference, with the expected and the actual value."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NamedTuple


class Difference(NamedTuple):
    """The path of a field, its expected and its actual value."""

    path: str
    expected: Any
    actual: Any

    @property
    def detail(self) -> str:
        """Names the field without its values, which may identify a patient."""
        return f"first difference: {self.path}"

    @property
    def shown(self) -> dict[str, str]:
        """Both values as text, for a report that may show them."""
        return {"expected": repr(self.expected), "actual": repr(self.actual)}


ABSENT = "(absent)"


def differences(expected: Any, actual: Any, path: str = "") -> Iterator[Difference]:
    """Every difference between two values; named tuples, mappings and sequences are compared part by part."""
    if expected == actual:
        return
    if fields := fields_of(expected, actual):
        for name in fields:
            yield from differences(part(expected, name), part(actual, name), f"{path}.{name}" if path else name)
    elif isinstance(expected, list | tuple) and isinstance(actual, list | tuple):
        for place in range(max(len(expected), len(actual))):
            yield from differences(item(expected, place), item(actual, place), f"{path}[{place}]")
    else:
        yield Difference(path or "(all of it)", expected, actual)


def first_difference(expected: Any, actual: Any) -> Difference | None:
    """The first difference; None when the values are equal."""
    return next(differences(expected, actual), None)


def first_in_json(expected: bytes, actual: bytes) -> Difference | None:
    """The first difference of two JSON texts; None when their values are equal."""
    try:
        return first_difference(json.loads(expected), json.loads(actual))
    except ValueError:
        return Difference("(not JSON)", len(expected), len(actual))


def fields_of(expected: Any, actual: Any) -> tuple[str, ...]:
    """The field names of two mappings or of two named tuples of one type; empty for anything else."""
    if type(expected) is type(actual) and hasattr(expected, "_fields"):
        names: tuple[str, ...] = expected._fields
        return names
    if isinstance(expected, dict) and isinstance(actual, dict):
        return tuple(dict.fromkeys((*expected, *actual)))
    return ()


def part(whole: Any, name: str) -> Any:
    """The value of one field; ABSENT when a mapping does not have it."""
    return whole.get(name, ABSENT) if isinstance(whole, dict) else getattr(whole, name)


def item(whole: Any, place: int) -> Any:
    """One element of a sequence; ABSENT behind its end."""
    return whole[place] if place < len(whole) else ABSENT
