"""Judges a stretch of the log as the workers judged it: by partition, with the log's own ticks and downtimes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from agents.engine.log_lines import LogLine
from agents.engine.partition import Partition, Watcher
from agents.engine.partitioning import belongs_to
from agents.replay.statistics import OTHERS, Statistics
from monitor.guidelines.in_force import Guideline
from monitor.model import State
from monitor.patient_view import view
from schemas.dead_letters import DeadLetter
from schemas.state import PatientState


@dataclass
class LogReplay:
    """Replays a log named `topic`, of so many `partitions`, each from the first record that is given.

    `until`: records that were appended after that (ms) are left out. What a merge forwards is a record of the log.
    """

    guideline: Guideline
    topic: str
    partitions: int
    watchers: Sequence[Watcher] = ()
    refuse: Callable[[DeadLetter], None] = lambda _: None
    until: int | None = None
    judged: dict[int, Partition] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.tally = Statistics(self.guideline)

    def take(self, line: LogLine) -> None:
        """Judges the next record of its partition."""
        if self.until is not None and line.timestamp > self.until:
            self.tally.beyond += 1
            return
        if line.partition not in self.judged:
            self.judged[line.partition] = self._partition(line.partition)
        outcome = self.judged[line.partition].apply((line,))
        if outcome.unknown_fields:
            self.tally.unknown_fields[OTHERS] += outcome.unknown_fields
        for keyed in outcome.letters:
            self.tally.refuse(keyed.letter.reason)
            self.refuse(keyed.letter)

    def finish(self) -> None:
        """Nothing: the log has its own ticks, and none are added."""

    def states(self) -> Iterator[PatientState]:
        """The last state of every patient, as the worker publishes it, with the offset of the last record in it."""
        places = sorted((patient_id, number) for number, one in self.judged.items() for patient_id in one)
        for patient_id, number in places:
            partition = self.judged[number]
            offset = partition.positions[patient_id].log_offset
            yield view(self.guideline, partition.state(patient_id), None, offset)

    @property
    def last(self) -> Mapping[str, State]:
        """The last state of every patient, as the judgement keeps it."""
        return {patient_id: one.state(patient_id) for one in self.judged.values() for patient_id in one}

    @property
    def defects(self) -> int:
        """How many judgements failed by a defect of ours."""
        return sum(sum(one.patients.defects.values()) for one in self.judged.values())

    def _partition(self, number: int) -> Partition:
        return Partition(
            self.guideline,
            number,
            self.topic,
            owns_patient=belongs_to(number, self.partitions),
            watchers=[self.tally.observe, *self.watchers],
        )
