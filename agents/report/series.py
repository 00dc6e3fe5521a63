"""Curves that stay small however long a patient is watched: fewer points, never fewer extremes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import groupby
from typing import Generic, NamedTuple, TypeVar

POINTS_KEPT = 1600
STEPS_KEPT = 1000

Value = TypeVar("Value")


class Series:
    """Readings of one signal: (bedside time in ms, value)."""

    def __init__(self) -> None:
        self._points: list[tuple[int, float]] = []
        self._width = 1

    def add(self, at: int, value: float) -> None:
        """One reading; it may be late."""
        self._points.append((at, value))
        if len(self._points) > POINTS_KEPT:
            self._thin()

    def remove(self, at: int) -> None:
        """What was read at an instant was entered in error."""
        self._points = [point for point in self._points if point[0] != at]

    def points(self) -> list[tuple[int, float]]:
        """All that is kept, in time order."""
        return sorted(self._points)

    def _thin(self) -> None:
        """Widens the stretches of time of which two points are kept each, until at most half of all are left."""
        points = sorted(self._points)
        span = points[-1][0] - points[0][0] + 1
        # Doubled, so that wider stretches are made of whole narrower ones: old and new are thinned alike.
        while span // self._width > POINTS_KEPT // 4 - 2:
            self._width *= 2
        self._points = list(thinned(points, self._width))


def thinned(points: list[tuple[int, float]], width: int) -> Iterator[tuple[int, float]]:
    """The lowest and the highest point of each stretch of time, and the first and the last of all."""
    yield points[0]
    for _, stretch in groupby(points[1:-1], key=lambda point: point[0] // width):
        group = list(stretch)
        yield from sorted({min(group, key=lambda point: point[1]), max(group, key=lambda point: point[1])})
    yield points[-1]


class Span(NamedTuple, Generic[Value]):
    """Something that held for a time."""

    begins: int
    ends: int
    value: Value


class Steps(Generic[Value]):
    """Something that holds until it changes. `weight`: of two, which must not be lost when there are too many."""

    def __init__(self, weight: Callable[[Value], float]) -> None:
        self._weight = weight
        self._steps: list[tuple[int, Value]] = []
        self._width = 1

    @property
    def value(self) -> Value | None:
        """What holds now."""
        return self._steps[-1][1] if self._steps else None

    def set(self, at: int, value: Value) -> None:
        """From an instant on it is this; what was said of later instants no longer stands."""
        while self._steps and self._steps[-1][0] >= at:
            self._steps.pop()
        if not self._steps or self._steps[-1][1] != value:
            self._steps.append((at, value))
        if len(self._steps) > STEPS_KEPT:
            self._thin()

    def spans(self, ends: int) -> list[Span[Value]]:
        """Each value with the time for which it held."""
        until = [*(at for at, _ in self._steps[1:]), ends]
        return [Span(at, over, value) for (at, value), over in zip(self._steps, until, strict=False) if at < over]

    def _thin(self) -> None:
        """Of each stretch of time the weightiest value, from where the first began; as with curves."""
        span = self._steps[-1][0] - self._steps[0][0] + 1
        while span // self._width > STEPS_KEPT // 2 - 2:
            self._width *= 2
        stretches = [list(group) for _, group in groupby(self._steps, key=lambda step: step[0] // self._width)]
        self._steps = [(one[0][0], max(one, key=lambda step: self._weight(step[1]))[1]) for one in stretches]
