"""Judges recorded events in arrival order; what cannot be used becomes a dead letter with its reason."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from agents.engine.partition import Watcher
from agents.engine.playback import Playback, arrival
from agents.feeds.source import SourceRecord
from agents.feeds.translation.letters import letter_of
from agents.feeds.translation.outcome import Letter
from agents.replay.statistics import Statistics
from monitor.guidelines.in_force import Guideline
from monitor.model import State
from monitor.patient_view import view
from monitor.units import to_datetime
from schemas.dead_letters import DeadLetter, Origin, dead_letter
from schemas.decoded import Decoded
from schemas.events import Tick
from schemas.state import PatientState

Refuse = Callable[[DeadLetter], None]


class Replay:
    """Replays one source. `until`: log time (ms) at which the replay ends; None: with the last event."""

    def __init__(self, guideline: Guideline, watchers: Sequence[Watcher], refuse: Refuse, until: int | None) -> None:
        self.guideline = guideline
        self.until = until
        self.tally = Statistics(guideline)
        self.playback = Playback(guideline, [self.tally.observe, *watchers])
        self.patients = self.playback.patients
        self._refuse_to = refuse

    def take(self, record: SourceRecord) -> None:
        """Judges one record of the source."""
        decoded = record.decoded
        if isinstance(decoded, Letter):
            self.tally.refuse(decoded.reason)
            at = to_datetime(max(self.playback.clock, 0))
            self._refuse_to(letter_of(decoded, record.file, record.line, record.payload, at))
            return
        if isinstance(decoded, Decoded):
            if self.until is not None and arrival(decoded.event) > self.until:
                self.tally.beyond += 1
                return
            if decoded.unknown_fields:
                self.tally.count_unknown_fields(decoded.unknown_fields)
            if isinstance(decoded.event, Tick):
                self.tally.events["recorded tick"] += 1
        for keyed in self.playback.feed(decoded, record.payload):
            self._refuse(record, keyed.letter)

    def finish(self) -> None:
        """Moves time on to `until`, if one was given. No more records come."""
        if self.until is not None:
            self.playback.until(self.until)

    def states(self) -> Iterator[PatientState]:
        """The last state of every patient: as of `until` if it was given, else as of the last change."""
        for patient_id in sorted(self.patients.states):
            yield view(self.guideline, self.patients.states[patient_id], self.until)

    @property
    def last(self) -> Mapping[str, State]:
        """The last state of every patient, as the judgement keeps it."""
        return self.patients.states

    @property
    def defects(self) -> int:
        """How many judgements failed by a defect of ours."""
        return sum(self.patients.defects.values())

    def _refuse(self, record: SourceRecord, letter: DeadLetter) -> None:
        """Passes a dead letter on that names file and line instead of a place in a log."""
        origin = Origin(None, None, record.line, to_datetime(max(self.playback.clock, 0)))
        detail = f"{record.file}:{record.line}: {letter.detail}"
        self.tally.refuse(letter.reason)
        self._refuse_to(dead_letter(letter.reason, detail, record.payload, origin))
