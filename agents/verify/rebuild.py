"""Rebuilds rows from the log while no worker runs: damaged rows, or rows of a version that is no longer read.

Rows are built as of the existing marker, not of the log's end, because the alerts of later records have not been
published: the workers publish them when they continue. A partition without a marker needs no rows, because a worker
reads it from its beginning.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from agents.engine import changelog
from agents.engine.changelog import Marker, PartitionRows
from agents.engine.partition import Partition
from agents.engine.partitioning import belongs_to
from agents.platform.errors import UserError
from agents.platform.settings import Settings
from agents.verify.live_partition import decode_row, patient_in_key
from agents.verify.reader import Bounds, NoProgress, Progress, TopicReader
from monitor.guidelines.in_force import Guideline
from monitor.patient_view import view
from monitor.record import row
from schemas import topics


class RecordWriter(Protocol):
    """Writes records to topics in order."""

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
        """Waits until the brokers have confirmed every record. Raises UserError when they do not."""
        ...


@dataclass(slots=True)
class Rebuilt:
    """The result of a rebuild, as counts."""

    partitions: int = 0
    patients: int = 0
    differed: int = 0  # rows that differed from the replay
    removed: int = 0  # rows of patients who are not in the log
    events: int = 0
    from_the_beginning: list[int] = field(default_factory=list)  # partitions without a marker


@dataclass
class Rebuild:
    """One rebuild. `accept_cut`: rebuild although retention has removed the beginning of the log."""

    reader: TopicReader
    writer: RecordWriter
    settings: Settings
    guideline: Guideline
    accept_cut: bool = False
    progress: Progress = field(default_factory=NoProgress)

    def run(self) -> Rebuilt:
        """Rebuilds all partitions. Raises UserError while workers run, and for a cut or a foreign log."""
        done = Rebuilt()
        log = self.settings.topic(topics.PATIENT_EVENTS)
        changes = self.reader.bounds(self.settings.changelog)
        bounds = self.reader.bounds(log)
        self.require_no_workers()
        self._require_whole(log, bounds)
        self.progress.begin("replaying the log", sum(end - begin for begin, end in bounds.values()))
        for partition, (begin, end) in bounds.items():
            held = self._rows(partition, changes[partition])
            marker = held.marker.next_offset
            if marker > end:
                raise UserError(f"{log} partition {partition} ends at {end}, its rows at {marker}: not their log")
            shard = self._shard(log, partition, begin)
            done.events += sum(shard.apply(self.reader.read(log, partition, begin, marker)).dispositions.values())
            self.progress.advance(end - begin)
            self._write(shard, held, done)
        return done

    def require_no_workers(self) -> None:
        """Raises UserError when workers run, which could write rows at the same time."""
        members = self.reader.members(self.settings.group)
        if members:
            raise UserError(f"{members} workers are running (group {self.settings.group}): stop them first")

    def _require_whole(self, log: str, bounds: Mapping[int, Bounds]) -> None:
        cut = [partition for partition, (begin, _) in bounds.items() if begin > 0]
        if cut and not self.accept_cut:
            raise UserError(
                f"{log}: the beginning of {len(cut)} partitions is gone (retention), and with it the first events of "
                "some patients; --accept-cut builds rows from the rest"
            )

    def _rows(self, partition: int, bounds: Bounds) -> PartitionRows:
        """The stored rows of a partition, also those that cannot be decoded."""
        held = PartitionRows()
        for record in self.reader.read(self.settings.changelog, partition, *bounds):
            held.take(record.offset, record.key, record.value, record.headers)
        return held

    def _shard(self, log: str, partition: int, begin: int) -> Partition:
        return Partition(
            self.guideline,
            partition,
            log,
            next_offset=begin,
            owns_patient=belongs_to(partition, self.settings.partitions),
        )

    def _write(self, shard: Partition, held: PartitionRows, done: Rebuilt) -> None:
        """Writes rows, then the marker: the same offset as before, with a new epoch that no worker has used."""
        self.require_no_workers()
        if not held.marker.next_offset:
            done.from_the_beginning.append(shard.partition)
        rows: dict[str, row.Row | None] = {patient_id: shard.row(patient_id) for patient_id in shard}
        gone = [key for key in held.rows if patient_in_key(key) not in rows]
        done.differed += sum(
            decode_row(held.rows.get(changelog.row_key(patient_id), b"")) != one for patient_id, one in rows.items()
        )
        marker = Marker(held.marker.next_offset, held.epoch + 1, shard.ticks)
        headers = [(changelog.EPOCH, str(marker.epoch).encode())]
        for key in gone:
            self.writer.write(self.settings.changelog, shard.partition, key, None, headers)
        for record in changelog.records_of(rows, marker):
            self.writer.write(self.settings.changelog, shard.partition, record.key, record.value, record.headers)
        self._publish(shard, gone)
        self.writer.confirm()
        done.partitions += 1
        done.patients += len(rows)
        done.removed += len(gone)

    def _publish(self, shard: Partition, gone: Sequence[bytes]) -> None:
        """Publishes every patient's state as of the marker; removes the states of patients who are not in the log."""
        topic = self.settings.topic(topics.PATIENT_STATE)
        for patient_id in shard:
            offset = shard.positions[patient_id].log_offset
            state = view(self.guideline, shard.state(patient_id), None, offset).model_dump_json().encode()
            self.writer.write(topic, shard.partition, patient_id.encode(), state)
        for key in gone:
            self.writer.write(topic, shard.partition, patient_in_key(key).encode(), None)
