"""Numbers at the resolution people print: half goes up, never on raw floats."""

from __future__ import annotations

from math import floor

# A decimal such as 37.95 sits a hair below itself in binary; this much is far below any sensor's resolution.
EPSILON = 1e-9


def to_integer(value: float) -> int:
    """To the integer, half up."""
    return floor(value + 0.5 + EPSILON)


def to_tenths(value: float) -> int:
    """To a tenth, half up, as a count of tenths (38.0 -> 380)."""
    return floor(value * 10 + 0.5 + EPSILON)
