"""Holds the engine against the oracle, event by event and hour by hour, for the patients of one story."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from monitor.patient_view import view
from monitor.step import ImplausibleSignal
from monitor.units import to_datetime
from schemas.events import Patient
from tests.bedside import Log, differences
from tests.oracle import FEED_AHEAD, HOUR, Charted, instant
from tests.simulation.second_opinion import SecondOpinion

Arrival = tuple[Charted, int, tuple[ImplausibleSignal, ...]]


@dataclass(frozen=True)
class Disagreement:
    """The first moment at which the two part; `story` is everything received until then."""

    at: int
    fields: list[str]
    story: list[Arrival]

    @property
    def about(self) -> str:
        return self.fields[0].split(":")[0]


class BothOpinions:
    """One log, judged by the engine and by the oracle."""

    def __init__(self, profile: str) -> None:
        self.log = Log(profile)
        self._profile = profile
        self._oracles: dict[str, SecondOpinion] = {}
        self._newest: dict[str, int] = {}
        self._continued: dict[str, str] = {}

    def receive(self, event: Charted, at: int, implausible: tuple[ImplausibleSignal, ...]) -> str:
        """The event for both; gives the patient under whose id the story stands now."""
        self.log.receive(event, at, implausible)
        patient_id = self._now_called(event.patient_id)
        oracle = self._oracles.setdefault(patient_id, SecondOpinion(self._profile))
        oracle.receive(event, at)
        effective_at = instant(event.effective_at)
        if effective_at <= at + FEED_AHEAD:
            self._newest[patient_id] = max(self._newest.get(patient_id, 0), effective_at)
        if isinstance(event, Patient) and event.merged_into is not None:
            return self._continue(patient_id, event.merged_into)
        return patient_id

    def parting(self, patient_id: str) -> tuple[int, list[str]] | None:
        """Where the two part now. A feed may run two minutes ahead of the log: then as of its newest reading."""
        at = max(self.log.at, self._newest.get(patient_id, 0))
        state = view(self.log.guideline, self.log.state(patient_id), at)
        fields = differences(state, self._oracles[patient_id].at(at))
        return (at, fields) if fields else None

    def patients(self) -> list[str]:
        """The patients whose story was not merged into another."""
        return list(self._oracles)

    def _now_called(self, patient_id: str) -> str:
        while patient_id in self._continued:
            patient_id = self._continued[patient_id]
        return patient_id

    def _continue(self, patient_id: str, under: str) -> str:
        under = self._now_called(under)
        if under == patient_id:
            return patient_id
        self._continued[patient_id] = under
        self._oracles.setdefault(under, SecondOpinion(self._profile)).take_over(self._oracles.pop(patient_id))
        self._newest[under] = max(self._newest.get(under, 0), self._newest.pop(patient_id, 0))
        return under


def first_disagreement(arrivals: Iterable[Arrival], profile: str, until: int = 0) -> Disagreement | None:
    """None when engine and oracle agree after every event and at every hour between, and on to `until`."""
    both = BothOpinions(profile)
    story: list[Arrival] = []
    for event, at, implausible in arrivals:
        story.append((event, at, implausible))
        try:
            if found := _hourly(both, at):
                return Disagreement(*found, story[:-1])
            patient_id = both.receive(event, at, implausible)
        except Exception as defect:
            return Disagreement(at, [f"step raised: {defect!r}"], story)
        if found := both.parting(patient_id):
            return Disagreement(*found, story)
    found = _hourly(both, until + 1)
    return Disagreement(*found, story) if found else None


def _hourly(both: BothOpinions, until: int) -> tuple[int, list[str]] | None:
    log = both.log
    for hour in range(log.at - log.at % HOUR + HOUR, until, HOUR) if log.at else ():
        log.tick_until(hour)
        for patient_id in both.patients():
            if found := both.parting(patient_id):
                return found
    return None


def smallest(found: Disagreement, profile: str) -> Disagreement:
    """The same disagreement with every event left out that it does not need."""
    size = max(1, len(found.story) // 2)
    while size:
        start = 0
        while start < len(found.story):
            fewer = found.story[:start] + found.story[start + size :]
            again = first_disagreement(fewer, profile, found.at)
            if again and again.about == found.about and len(again.story) < len(found.story):
                found = again
            else:
                start += size
        size //= 2
    return found


def as_story(found: Disagreement) -> str:
    """The disagreement as a story: what was received when, and where the two part."""
    lines = [
        f"@{to_datetime(at)} {event.model_dump_json(exclude_none=True, exclude={'received_at'})}"
        for event, at, _ in found.story
    ]
    return "\n".join([*lines, f"as of {to_datetime(found.at)}:", *found.fields])
