"""Holds the engine against the oracle, event by event and hour by hour, for one patient at a time."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from monitor.instant import to_datetime
from monitor.step import Implausible
from monitor.view import view
from tests.bedside import Log, differences
from tests.oracle import FEED_AHEAD, HOUR, Charted, instant
from tests.simulation.second_opinion import SecondOpinion

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
    oracle = SecondOpinion(profile)
    story: list[Arrival] = []
    newest = 0
    for event, at, implausible in arrivals:
        for hour in range(log.at - log.at % HOUR + HOUR, at, HOUR) if log.at else ():
            log.tick_until(hour)
            if found := parting(log, oracle, patient_id, newest):
                return Disagreement(*found, story)
        story.append((event, at, implausible))
        try:
            log.receive(event, at, implausible)
        except Exception as defect:
            return Disagreement(at, [f"step raised: {defect!r}"], story)
        oracle.receive(event, at)
        if instant(event.effective_at) <= at + FEED_AHEAD:
            newest = max(newest, instant(event.effective_at))
        if found := parting(log, oracle, patient_id, newest):
            return Disagreement(*found, story)
    return None


def parting(log: Log, oracle: SecondOpinion, patient_id: str, newest: int) -> tuple[int, list[str]] | None:
    """Where the two part now. A feed may run two minutes ahead of the log: then as of its newest reading."""
    at = max(log.at, newest)
    fields = differences(view(log.guideline, log.state(patient_id), at), oracle.at(at))
    return (at, fields) if fields else None


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
