"""A replay: what files say is judged in arrival order; what cannot be used is set aside with a reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from agents.engine.patients import Judged, Patients
from agents.engine.playback import Playback, Watcher, arrival
from agents.feeds.ndjson import SourceRecord
from agents.replay.statistics import Statistics
from monitor.guidelines.in_force import Guideline
from monitor.patient_view import view
from monitor.step import ImplausibleSignal
from monitor.units.instants import to_datetime
from schemas.dead_letters import DeadLetter, DeadLetterReason, Origin, dead_letter
from schemas.decode import Refused
from schemas.events import Tick
from schemas.state import PatientState

Refuse = Callable[[DeadLetter], None]


class EventSource(Protocol):
    """What files say, in arrival order. `read` of `total`: how far it is; total None: nobody knows.

    `unmapped`: how often the source held something that the contract has no word for, by name.
    """

    @property
    def read(self) -> int: ...

    @property
    def total(self) -> int | None: ...

    @property
    def unmapped(self) -> Counter[str]: ...

    def __iter__(self) -> Iterator[SourceRecord]: ...


class Replay:
    """A ward that is told by files. `until`: log time in ms at which it ends; None: with the last event."""

    def __init__(self, guideline: Guideline, watchers: Sequence[Watcher], refuse: Refuse, until: int | None) -> None:
        self.guideline = guideline
        self.until = until
        self.tally = Statistics(guideline)
        self.fold = Patients(guideline)
        self.playback = Playback(self.fold, [self.tally.observe, self._set_aside, *watchers])
        self._refuse_to = refuse
        self._told: SourceRecord | None = None

    def take(self, told: SourceRecord) -> None:
        """One line."""
        if isinstance(told.said, Refused):
            self._refuse(told, told.said.reason, told.said.detail)
            return
        event = told.said.event
        if self.until is not None and arrival(event) > self.until:
            self.tally.beyond += 1
            return
        if told.said.unknown_fields:
            self.tally.count_unknown_fields(told.said.unknown_fields)
        if isinstance(event, Tick):
            self.tally.events["recorded tick"] += 1
        self._told = told
        self.playback.feed(event, tuple(ImplausibleSignal(*part) for part in told.said.implausible))
        self._told = None

    def finish(self) -> None:
        """Nothing more comes; time goes on to the end that was asked for."""
        if self.until is not None:
            self.playback.until(self.until)

    def states(self) -> Iterator[PatientState]:
        """The last state of every patient, as of the end that was asked for, else of the last change."""
        for patient_id in sorted(self.fold.states):
            yield view(self.guideline, self.fold.states[patient_id], self.until)

    def _set_aside(self, one: Judged) -> None:
        """Parts of an event, or all of it, that the judgement could not use."""
        for rejected in one.step.rejected:
            if self._told is not None:
                self._refuse(self._told, rejected.reason, rejected.detail)

    def _refuse(self, told: SourceRecord, reason: DeadLetterReason, detail: str) -> None:
        self.tally.refuse(reason)
        origin = Origin(None, None, told.line, to_datetime(max(self.playback.clock, 0)))
        self._refuse_to(dead_letter(reason, f"{told.file}:{told.line}: {detail}", told.payload, origin))
