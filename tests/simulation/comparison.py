"""Holds the engine against the oracle, event by event and hour by hour, for one patient at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from monitor.step import Implausible
from schemas.events import Patient
from schemas.state import PatientState
from tests.bedside import Log, differences
from tests.oracle import FEED_AHEAD, HOUR, Charted, Received, course, instant

Arrival = tuple[Charted, int, tuple[Implausible, ...]]


@dataclass(frozen=True)
class Disagreement:
    """The first moment at which the two part; `story` is everything received until then."""

    at: int
    fields: list[str]
    story: list[Received]


def first_disagreement(arrivals: Iterable[Arrival], profile: str, patient_id: str) -> Disagreement | None:
    """None when engine and oracle agree after every event and at every hour between."""
    log = Log(profile)
    story: list[Received] = []
    checks: list[tuple[int, PatientState]] = []
    for event, at, implausible in arrivals:
        hours = range(log.at - log.at % HOUR + HOUR, at, HOUR) if log.at else range(0)
        for hour in hours:
            log.tick_until(hour)
            checks.append((hour, log.view(patient_id)))
        if checks and rewrites(event, checks[-1][0]):
            if found := settle(story, checks, profile):
                return found
            checks = []
        log.receive(event, at, implausible)
        story.append(Received(event, at))
        if checks and checks[-1][0] == at:
            checks.pop()
        checks.append((at, log.view(patient_id)))
    return settle(story, checks, profile)


def rewrites(event: Charted, known_at: int) -> bool:
    """Whether an event changes the past: then what was checked before must be checked without it."""
    starts = event.infused_at if isinstance(event, Patient) else None
    return (
        event.replaces is not None
        or instant(event.effective_at) <= known_at
        or (starts is not None and instant(starts) <= known_at)
    )


def settle(story: list[Received], checks: list[tuple[int, PatientState]], profile: str) -> Disagreement | None:
    """The oracle walks the record once, and is asked at every moment that was checked."""
    opinions = course(story, [at for at, _ in checks], profile)
    for (at, state), opinion in zip(checks, opinions, strict=True):
        if fields := differences(state, opinion):
            return Disagreement(at, fields, [one for one in story if one.at <= at + FEED_AHEAD])
    return None


def smallest(found: Disagreement, profile: str, patient_id: str) -> Iterator[Received]:
    """The events of a disagreement that it needs: each one is left out if the two still part without it."""
    needed = list(found.story)
    size = max(1, len(needed) // 2)
    while size:
        start = 0
        while start < len(needed):
            fewer = needed[:start] + needed[start + size :]
            if fewer and first_disagreement([(one.event, one.at, ()) for one in fewer], profile, patient_id):
                needed = fewer
            else:
                start += size
        size //= 2
    yield from needed
