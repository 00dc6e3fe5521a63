"""Rows built anew from the log, while no worker runs: for damaged rows, or rows of a version that is no longer read.

Rows are built as of the marker that is there, not as of the log's end: what lies beyond has not been told to anyone,
and the workers will tell it when they go on. A partition without a marker needs no rows: it is read from its beginning.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from agents.engine import changelog
from agents.engine.changelog import Marker, PartitionRows
from agents.engine.partition import Partition
from agents.engine.partitioning import belongs_to
from agents.platform.errors import UserError
from agents.platform.settings import Settings
from agents.verify.partition_check import decoded, named
from agents.verify.reader import NoProgress, Progress, TopicReader
from monitor.guidelines.in_force import Guideline
from monitor.patient_view import view
from monitor.record import row
from schemas import topics


class RecordWriter(Protocol):
    """What writes."""

    def write(
        self,
        topic: str,
        partition: int,
        key: bytes | None,
        value: bytes | None,
        headers: Sequence[tuple[str, bytes]] = (),
    ) -> None:
        """Appends one record, after those that were written before."""
        ...

    def confirm(self) -> None:
        """Waits until the brokers have everything. Raises UserError when they do not take it."""
        ...


@dataclass(slots=True)
class Rebuilt:
    """What was done."""

    partitions: int = 0
    patients: int = 0
    differed: int = 0  # rows that were not what the log says
    removed: int = 0  # rows of patients who are not in the log
    events: int = 0
    from_the_beginning: list[int] = field(default_factory=list)  # partitions without a marker


@dataclass
class Rebuild:
    """One rebuild. `accept_cut`: also when the head of the log is gone, and with it the beginning of some stories."""

    journal: TopicReader
    pen: RecordWriter
    settings: Settings
    guideline: Guideline
    accept_cut: bool = False
    progress: Progress = field(default_factory=NoProgress)

    def run(self) -> Rebuilt:
        """All partitions. Raises UserError while workers run, and when the log does not hold the whole story."""
        done = Rebuilt()
        log = self.settings.topic(topics.PATIENT_EVENTS)
        changes = self.journal.bounds(self.settings.changelog)
        bounds = self.journal.bounds(log)
        self.demand_no_workers()
        cut = [partition for partition, (begin, _) in bounds.items() if begin > 0]
        if cut and not self.accept_cut:
            raise UserError(
                f"{log}: the head of {len(cut)} partitions is gone (retention), and with it the beginning of some "
                "stories; --accept-cut builds with what is left"
            )
        self.progress.begin("the log, told again", sum(end - begin for begin, end in bounds.values()))
        for partition, (begin, end) in bounds.items():
            held = PartitionRows()
            for record in self.journal.read(self.settings.changelog, partition, *changes[partition]):
                held.take(record.offset, record.key, record.value, record.headers)
            marker = held.marker.next_offset
            if marker > end:
                raise UserError(f"{log} partition {partition} ends at {end}, its rows at {marker}: not their log")
            shard = self._shard(log, partition, begin)
            done.events += sum(shard.apply(self.journal.read(log, partition, begin, marker)).dispositions.values())
            self.progress.advance(end - begin)
            self._write(shard, held, done)
        return done

    def demand_no_workers(self) -> None:
        """Raises UserError when somebody could write rows while we do."""
        members = self.journal.members(self.settings.group)
        if members:
            raise UserError(f"{members} workers are running (group {self.settings.group}): stop them first")

    def _shard(self, log: str, partition: int, begin: int) -> Partition:
        return Partition(
            self.guideline,
            partition,
            log,
            next_offset=begin,
            owns_patient=belongs_to(partition, self.settings.partitions),
        )

    def _write(self, shard: Partition, held: PartitionRows, done: Rebuilt) -> None:
        """Rows, and the marker as the last word: the same one as before, of an epoch that nobody has had."""
        self.demand_no_workers()
        if not held.marker.next_offset:
            done.from_the_beginning.append(shard.partition)
        rows: dict[str, row.Row | None] = {patient_id: shard.row(patient_id) for patient_id in shard}
        gone = [key for key in held.rows if named(key) not in rows]
        done.differed += sum(
            decoded(held.rows.get(changelog.row_key(patient_id), b"")) != one for patient_id, one in rows.items()
        )
        marker = Marker(held.marker.next_offset, held.epoch + 1, shard.ticks)
        headers = [(changelog.EPOCH, str(marker.epoch).encode())]
        for key in gone:
            self.pen.write(self.settings.changelog, shard.partition, key, None, headers)
        for record in changelog.records_of(rows, marker):
            self.pen.write(self.settings.changelog, shard.partition, record.key, record.value, record.headers)
        self._publish(shard, gone)
        self.pen.confirm()
        done.partitions += 1
        done.patients += len(rows)
        done.removed += len(gone)

    def _publish(self, shard: Partition, gone: Sequence[bytes]) -> None:
        """Everybody's state as of the marker, and none of those who are not in the log."""
        topic = self.settings.topic(topics.PATIENT_STATE)
        for patient_id in shard:
            offset = shard.positions[patient_id].log_offset
            state = view(self.guideline, shard.state(patient_id), None, offset).model_dump_json().encode()
            self.pen.write(topic, shard.partition, patient_id.encode(), state)
        for key in gone:
            self.pen.write(topic, shard.partition, named(key).encode(), None)
