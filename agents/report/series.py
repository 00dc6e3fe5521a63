"""Curves and intervals in bounded memory: points are thinned, minima and maxima stay."""

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
        """Adds one reading; it may be late."""
        self._points.append((at, value))
        if len(self._points) > POINTS_KEPT:
            self._thin()

    def remove(self, at: int) -> None:
        """Removes the reading at a time: it was entered in error."""
        self._points = [point for point in self._points if point[0] != at]

    def points(self) -> list[tuple[int, float]]:
        """All points that are kept, in time order."""
        return sorted(self._points)

    def _thin(self) -> None:
        """Keeps two points for each interval; widens the intervals until at most half of the points are left."""
        points = sorted(self._points)
        span = points[-1][0] - points[0][0] + 1
        # Doubled, so that a wider interval consists of whole narrower ones, and old and new points are thinned alike.
        while span // self._width > POINTS_KEPT // 4 - 2:
            self._width *= 2
        self._points = list(thinned(points, self._width))


def thinned(points: list[tuple[int, float]], width: int) -> Iterator[tuple[int, float]]:
    """The lowest and the highest point of each interval of `width` ms, and the first and the last point of all."""
    yield points[0]
    for _, stretch in groupby(points[1:-1], key=lambda point: point[0] // width):
        group = list(stretch)
        yield from sorted({min(group, key=lambda point: point[1]), max(group, key=lambda point: point[1])})
    yield points[-1]


class Span(NamedTuple, Generic[Value]):
    """A value that held from `begins` to `ends` (ms)."""

    begins: int
    ends: int
    value: Value


class Steps(Generic[Value]):
    """A value that holds until it changes. `weight`: when steps are thinned, the value of greater weight is kept."""

    def __init__(self, weight: Callable[[Value], float]) -> None:
        self._weight = weight
        self._steps: list[tuple[int, Value]] = []
        self._width = 1

    @property
    def value(self) -> Value | None:
        """The latest value."""
        return self._steps[-1][1] if self._steps else None

    def set(self, at: int, value: Value) -> None:
        """Sets the value from `at` (ms) on; removes what was set for later times."""
        while self._steps and self._steps[-1][0] >= at:
            self._steps.pop()
        if not self._steps or self._steps[-1][1] != value:
            self._steps.append((at, value))
        if len(self._steps) > STEPS_KEPT:
            self._thin()

    def spans(self, ends: int) -> list[Span[Value]]:
        """Each value with the interval for which it held; the last one holds until `ends`."""
        until = [*(at for at, _ in self._steps[1:]), ends]
        return [Span(at, over, value) for (at, value), over in zip(self._steps, until, strict=False) if at < over]

    def _thin(self) -> None:
        """Keeps, for each interval of time, the value of the greatest weight; as for curves."""
        span = self._steps[-1][0] - self._steps[0][0] + 1
        while span // self._width > STEPS_KEPT // 2 - 2:
            self._width *= 2
        stretches = [list(group) for _, group in groupby(self._steps, key=lambda step: step[0] // self._width)]
        self._steps = [(one[0][0], max(one, key=lambda step: self._weight(step[1]))[1]) for one in stretches]
