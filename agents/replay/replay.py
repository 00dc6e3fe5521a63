"""Judges recorded events in arrival order; what cannot be used becomes a dead letter with its reason."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from agents.engine.patients import Judged, Patients, dead_letters
from agents.engine.playback import Playback, Watcher, arrival
from agents.feeds.source import SourceRecord
from agents.replay.statistics import Statistics
from monitor.guidelines.in_force import Guideline
from monitor.patient_view import view
from monitor.units import to_datetime
from schemas.dead_letters import DeadLetter, Origin
from schemas.decode import Refused
from schemas.events import Tick
from schemas.state import PatientState

Refuse = Callable[[DeadLetter], None]


class Replay:
    """Replays one source. `until`: log time (ms) at which the replay ends; None: with the last event."""

    def __init__(self, guideline: Guideline, watchers: Sequence[Watcher], refuse: Refuse, until: int | None) -> None:
        self.guideline = guideline
        self.until = until
        self.tally = Statistics(guideline)
        self.patients = Patients(guideline)
        self.playback = Playback(self.patients, [self.tally.observe, self._on_judged, *watchers])
        self._refuse_to = refuse
        self._current: SourceRecord | None = None

    def take(self, record: SourceRecord) -> None:
        """Judges one record of the source."""
        if isinstance(record.decoded, Refused):
            self._refuse(record, record.decoded)
            return
        event = record.decoded.event
        if self.until is not None and arrival(event) > self.until:
            self.tally.beyond += 1
            return
        if record.decoded.unknown_fields:
            self.tally.count_unknown_fields(record.decoded.unknown_fields)
        if isinstance(event, Tick):
            self.tally.events["recorded tick"] += 1
        self._current = record
        self.playback.feed(event, record.decoded.implausible)
        self._current = None

    def finish(self) -> None:
        """Moves time on to `until`, if one was given. No more records come."""
        if self.until is not None:
            self.playback.until(self.until)

    def states(self) -> Iterator[PatientState]:
        """The last state of every patient: as of `until` if it was given, else as of the last change."""
        for patient_id in sorted(self.patients.states):
            yield view(self.guideline, self.patients.states[patient_id], self.until)

    def _on_judged(self, judged: Judged) -> None:
        """Makes dead letters of an event, or parts of it, that could not be used. Injected events have no record."""
        if self._current is not None:
            self._refuse(self._current, judged)

    def _refuse(self, record: SourceRecord, result: Refused | Judged) -> None:
        origin = Origin(None, None, record.line, to_datetime(max(self.playback.clock, 0)))
        for letter in dead_letters(result, record.payload, origin, f"{record.file}:{record.line}: "):
            self.tally.refuse(letter.reason)
            self._refuse_to(letter)
