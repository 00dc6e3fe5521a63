"""A patient's stream judged twice, with the fast path and without it: where the states or alerts part."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal, NamedTuple
from unittest.mock import patch

from monitor.course import fast_path
from monitor.defect import step_on_defect
from monitor.model import State
from monitor.step import ImplausibleSignal
from monitor.units import NEVER
from tests.bedside import Log, as_received
from tests.oracle import MINUTE, SECOND, Charted
from tests.properties.records import Json, iso

How = Literal["live", "backlog", "defect", "future", "implausible", "void", "infusion", "tick"]


class Happening(NamedTuple):
    """What happens at a log time (ms): an event, in one of several ways, or a tick."""

    how: How
    at: int
    event: Json

    def received(self) -> tuple[Charted, tuple[ImplausibleSignal, ...]]:
        """The event of the contract, and what was taken out of it."""
        effective_at = self.at + (10 * MINUTE if self.how == "future" else 0)
        received = as_received({**self.event, "effective_at": iso(effective_at), "received_at": iso(self.at)})
        assert received is not None, self.event
        return received[0], received[2]


@contextmanager
def without_fast_paths() -> Iterator[None]:
    with (
        patch.object(fast_path, "course_after", lambda *_, **__: None),
        patch.object(fast_path, "advance_within_bands", lambda *_: None),
    ):
        yield


def after_each(happenings: list[Happening]) -> tuple[list[dict[str, State]], Log]:
    """The states after each happening, and the log an hour after the last. No tick comes unless one is given."""
    log, states = Log(), []
    for one in happenings:
        log.at = max(log.at, one.at)
        if one.how == "tick":
            log.tick(one.at)
        elif one.how == "defect":
            done = step_on_defect(log.guideline, log.state("A"), one.received()[0], one.at)
            log.states["A"] = done.state
            log.alerts["A"] += done.alerts
        else:
            log.apply(*one.received(), backlog=one.how == "backlog")
        states.append(dict(log.states))
    log.tick_until(log.at // SECOND * SECOND + 61 * MINUTE)
    return states, log


def timeless(state: State) -> State:
    """A state without its clock and timers, which the fast path may leave where they were."""
    merges = tuple(one._replace(without=b"") for one in state.merges)  # packed with their timers
    state = state._replace(merges=merges)
    return state._replace(
        clock=0,
        due_at=None,
        course=state.course._replace(timer=0),
        checkpoint=state.checkpoint._replace(timer=0),
        recent_courses=with_timeless_memory(state).recent_courses,
    )


def with_timeless_memory(state: State) -> State:
    """A state whose remembered courses have no timer: at that moment the fast path's may have been early."""
    return state._replace(recent_courses=tuple(course._replace(timer=0) for course in state.recent_courses))


def timers(state: State) -> tuple[int, int]:
    return state.course.timer, NEVER if state.due_at is None else state.due_at


def difference(happenings: list[Happening], *, exact: bool = False) -> str | None:
    """Where both ways part first; None: nowhere, after any event.

    A timer may be early with the fast path, not late. `exact`: nor early.
    """
    fast_states, fast = after_each(happenings)
    with without_fast_paths():
        full_states, full = after_each(happenings)
    for one, in_fast, in_full in zip(happenings, fast_states, full_states, strict=True):
        if in_fast.keys() != in_full.keys():
            return f"patients after {one}"
        for patient_id in in_full:
            parts = part_in(in_fast[patient_id], in_full[patient_id], exact)
            if parts:
                return f"{parts} after {one}"
    at_the_end = {patient_id: timeless(state) for patient_id, state in fast.states.items()}
    if at_the_end != {patient_id: timeless(state) for patient_id, state in full.states.items()}:
        return "state an hour later"
    return None if fast.alerts == full.alerts else "alerts"


def part_in(in_fast: State, in_full: State, exact: bool) -> str | None:
    """The first field in which two states part."""
    one, other = timeless(in_fast), timeless(in_full)
    if one != other:
        return next(name for name in State._fields if getattr(one, name) != getattr(other, name))
    pairs = zip(timers(in_fast), timers(in_full), strict=True)
    return "timer" if any(ours > right or (exact and ours < right) for ours, right in pairs) else None
