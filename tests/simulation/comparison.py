"""Holds the engine against the oracle, event by event and hour by hour, for one patient at a time."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from monitor.instant import to_datetime
from monitor.step import Implausible
from monitor.view import view
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
    story: list[Arrival]

    @property
    def about(self) -> str:
        return self.fields[0].split(":")[0]


def first_disagreement(arrivals: Iterable[Arrival], profile: str, patient_id: str) -> Disagreement | None:
    """None when engine and oracle agree after every event and at every hour between."""
    log = Log(profile)
    story: list[Arrival] = []
    checks: list[tuple[int, PatientState]] = []
    newest = 0
    for event, at, implausible in arrivals:
        hours = range(log.at - log.at % HOUR + HOUR, at, HOUR) if log.at else range(0)
        for hour in hours:
            log.tick_until(hour)
            checks.append(seen(log, patient_id, newest))
        if checks and rewrites(event, checks[-1][0]):
            if found := settle(story, checks, profile):
                return found
            checks = []
        story.append((event, at, implausible))
        try:
            log.receive(event, at, implausible)
        except Exception as defect:
            return settle(story, checks, profile) or Disagreement(at, [f"step raised: {defect!r}"], story)
        if instant(event.effective_at) <= at + FEED_AHEAD:
            newest = max(newest, instant(event.effective_at))
        check = seen(log, patient_id, newest)
        if checks and checks[-1][0] == check[0]:
            checks.pop()
        checks.append(check)
    return settle(story, checks, profile)


def seen(log: Log, patient_id: str, newest: int) -> tuple[int, PatientState]:
    """The engine's state now. A feed may run two minutes ahead of the log: then as of its newest reading."""
    at = max(log.at, newest)
    return at, view(log.guideline, log.state(patient_id), at)


def rewrites(event: Charted, known_at: int) -> bool:
    """Whether an event changes the past: then what was checked before must be checked without it."""
    starts = event.infused_at if isinstance(event, Patient) else None
    return (
        event.replaces is not None
        or instant(event.effective_at) <= known_at
        or (starts is not None and instant(starts) <= known_at)
    )


def settle(story: list[Arrival], checks: list[tuple[int, PatientState]], profile: str) -> Disagreement | None:
    """The oracle walks the record once, and is asked at every moment that was checked."""
    received = [Received(event, at) for event, at, _ in story]
    opinions = course(received, [at for at, _ in checks], profile)
    for (at, state), opinion in zip(checks, opinions, strict=True):
        if fields := differences(state, opinion):
            return Disagreement(at, fields, [one for one in story if one[1] <= at + FEED_AHEAD])
    return None


def smallest(found: Disagreement, profile: str, patient_id: str) -> Disagreement:
    """The same disagreement with every event left out that it does not need."""
    size = max(1, len(found.story) // 2)
    while size:
        start = 0
        while start < len(found.story):
            fewer = found.story[:start] + found.story[start + size :]
            again = first_disagreement(fewer, profile, patient_id)
            if again and again.about == found.about and len(again.story) < len(found.story):
                found = again
            else:
                start += size
        size //= 2
    return found


def told_back(found: Disagreement) -> str:
    """The disagreement as a story: what was received when, and where the two part."""
    lines = [
        f"@{to_datetime(at)} {event.model_dump_json(exclude_none=True, exclude={'patient_id', 'received_at'})}"
        for event, at, _ in found.story
    ]
    return "\n".join([*lines, f"as of {to_datetime(found.at)}:", *found.fields])
