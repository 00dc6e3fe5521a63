"""An installation in memory: topics, feeds, intake and workers without faults, for tests to damage."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from agents.engine import changelog
from agents.engine.changelog import Marker
from agents.engine.log_time import Ticks
from agents.engine.partition import Partition
from agents.engine.partitioning import partition_of
from agents.engine.stamp import log_value
from agents.platform.settings import Settings
from agents.simulation.patients import bed_record, generator
from agents.stream.publication import headers_of
from agents.verify.findings import Findings
from agents.verify.reader import Bounds, StoredRecord
from agents.verify.verification import Verification
from monitor.guidelines import in_force
from monitor.patient_view import view
from monitor.units import to_datetime, to_ms
from schemas import topics
from schemas.dead_letters import Origin, dead_letter
from schemas.decode import decode
from schemas.decoded import Refused
from schemas.topics import TopicSpec

PARTITIONS = 2
START = datetime(2026, 3, 1, 8, tzinfo=UTC)
HOUSE = in_force.load("house")
SETTINGS = Settings(topic_prefix="test.", partitions=PARTITIONS)
FEED_OF = {
    "vitals": topics.VITALS,
    "medication": topics.MEDICATIONS,
    "patient": topics.PATIENTS,
    "assessment": topics.ASSESSMENTS,
}
Change = Callable[[StoredRecord], StoredRecord]


class InMemoryTopics:
    """A TopicReader of topics in memory. A removed record leaves a gap in the offsets, as compaction does."""

    def __init__(self) -> None:
        self.records: dict[tuple[str, int], list[StoredRecord]] = defaultdict(list)
        self.ends: dict[tuple[str, int], int] = defaultdict(int)
        self.begins: dict[tuple[str, int], int] = defaultdict(int)
        self.offsets: dict[tuple[str, int], int] = {}
        self.group = 0

    def append(
        self,
        topic: str,
        partition: int,
        key: bytes | None,
        value: bytes | None,
        at: int,
        headers: Iterable[tuple[str, bytes]] = (),
    ) -> StoredRecord:
        place = topic, partition
        record = StoredRecord(self.ends[place], at, key, value, tuple(headers))
        self.ends[place] += 1
        self.records[place].append(record)
        return record

    def bounds(self, topic: str) -> Mapping[int, Bounds]:
        return {p: Bounds(self.begins[topic, p], self.ends[topic, p]) for p in range(PARTITIONS)}

    def read(self, topic: str, partition: int, begin: int, end: int) -> Iterator[StoredRecord]:
        first = max(begin, self.begins[topic, partition])
        return (record for record in list(self.records[topic, partition]) if first <= record.offset < end)

    def committed(self, group: str, topic: str) -> Mapping[int, int]:
        return {p: self.offsets.get((topic, p), self.ends[topic, p]) for p in range(PARTITIONS)}

    def members(self, group: str) -> int:
        return self.group

    # ---- damage

    def drop(self, spec: TopicSpec | str, wanted: Callable[[StoredRecord], bool]) -> StoredRecord:
        """Removes the first matching record of a topic, and gives it."""
        for (topic, _), records in self.records.items():
            if topic == name_of(spec):
                for record in records:
                    if wanted(record):
                        records.remove(record)
                        return record
        raise AssertionError("no record matches")

    def change(self, spec: TopicSpec | str, wanted: Callable[[StoredRecord], bool], change: Change) -> StoredRecord:
        """Replaces the first matching record of a topic; gives the record as it was."""
        for (topic, _), records in self.records.items():
            if topic == name_of(spec):
                for place, record in enumerate(records):
                    if wanted(record):
                        records[place] = change(record)
                        return record
        raise AssertionError("no record matches")


def name_of(spec: TopicSpec | str) -> str:
    return spec if isinstance(spec, str) else SETTINGS.topic(spec)


LOG, ALERTS, STATES, LETTERS = (
    name_of(spec) for spec in (topics.PATIENT_EVENTS, topics.ALERTS, topics.PATIENT_STATE, topics.DEAD_LETTERS)
)


class Installation:
    """Feeds, intake and one worker per partition, over topics in memory."""

    def __init__(self) -> None:
        self.topics = InMemoryTopics()
        self.shards = {p: self.shard(p) for p in range(PARTITIONS)}
        self.written: dict[int, int] = dict.fromkeys(range(PARTITIONS), 0)
        self.epochs = dict.fromkeys(range(PARTITIONS), 1)
        self.at = to_ms(START)

    def shard(self, partition: int) -> Partition:
        return Partition(
            HOUSE, partition, LOG, owns_patient=lambda one: partition_of(one.encode(), PARTITIONS) == partition
        )

    # ---- feeds and intake

    def send(self, event: Mapping[str, Any], key: bytes | None = None) -> None:
        """A feed sends an event, and intake writes it to the log or to the dead letters."""
        self.send_bytes(FEED_OF[event["type"]], ward_json({k: v for k, v in event.items() if k != "type"}), key)

    def send_bytes(self, feed: TopicSpec, value: bytes, key: bytes | None = None) -> None:
        record = self.topics.append(name_of(feed), 0, key, value, self.at)
        decoded = decode(value, feed.default_type)
        if isinstance(decoded, Refused):
            origin = Origin(name_of(feed), 0, record.offset, to_datetime(record.timestamp))
            letter = dead_letter(decoded.reason, decoded.detail, value, origin)
            self.topics.append(LETTERS, 0, key, letter.model_dump_json().encode(), self.at)
            return
        patient = decoded.event.patient_id.encode()  # type: ignore[union-attr]
        logged = log_value(record, decoded, feed.default_type)
        self.topics.append(LOG, partition_of(patient, PARTITIONS), patient, logged, self.at)

    def tick(self, seconds: float = 1.0) -> None:
        """Advances the time, and writes a tick to every partition."""
        self.at += round(seconds * 1000)
        whole = to_datetime(self.at - self.at % 1000).isoformat()
        for partition in range(PARTITIONS):
            self.topics.append(LOG, partition, None, ward_json({"type": "tick", "effective_at": whole}), self.at)

    # ---- workers

    def work(self, partition: int | None = None, *, upto: int | None = None, write_rows: bool = True) -> None:
        """Applies new records and publishes alerts; then writes rows and marker, unless it is to end before that."""
        for each in range(PARTITIONS) if partition is None else (partition,):
            self._work(each, upto, write_rows)

    def die(self, partition: int) -> None:
        """Kills a worker: another one takes over from the stored rows."""
        held = changelog.PartitionRows()
        for record in self.topics.records[SETTINGS.changelog, partition]:
            held.take(record.offset, record.key, record.value, record.headers)
        shard = self.shard(partition)
        self.shards[partition] = Partition(
            HOUSE,
            partition,
            LOG,
            rows=held.decoded(),
            next_offset=held.marker.next_offset,
            ticks=Ticks(*held.marker.ticks),
            owns_patient=shard._owns_patient,
        )
        self.epochs[partition] += 1
        self.write_rows(partition, {})

    def write_rows(self, partition: int, touched: Iterable[str]) -> None:
        shard = self.shards[partition]
        rows = {patient_id: shard.row(patient_id) for patient_id in touched}
        for record in changelog.records_of(rows, Marker(shard.next_offset, self.epochs[partition], shard.ticks)):
            self.topics.append(SETTINGS.changelog, partition, record.key, record.value, self.at, record.headers)

    def _work(self, partition: int, upto: int | None, write_rows: bool) -> None:
        shard = self.shards[partition]
        new = [r for r in self.topics.records[LOG, partition] if r.offset >= shard.next_offset]
        outcome = shard.apply(new if upto is None else [r for r in new if r.offset < upto])
        for produced in outcome.alerts:
            key, value = produced.alert.patient_id.encode(), produced.alert.model_dump_json().encode()
            self.topics.append(ALERTS, partition, key, value, self.at, headers_of(produced, partition))
        for forward in outcome.forwards:
            key = forward.patient_id.encode()
            self.topics.append(LOG, partition_of(key, PARTITIONS), key, forward.value, self.at)
        for letter in outcome.letters:
            self.topics.append(LETTERS, 0, letter.key, letter.letter.model_dump_json().encode(), self.at)
        for patient_id in outcome.changed:
            self.publish(partition, patient_id)
        if write_rows:
            self.write_rows(partition, outcome.touched)

    def publish(self, partition: int, patient_id: str) -> None:
        shard = self.shards[partition]
        offset = shard.positions[patient_id].log_offset
        state = view(HOUSE, shard.state(patient_id), None, offset).model_dump_json().encode()
        self.topics.append(STATES, partition, patient_id.encode(), state, self.at)

    # ---- the check

    def verify(self, **options: Any) -> Findings:
        """The findings of a run that does not wait."""
        run = Verification(self.topics, SETTINGS, HOUSE, 0.0, pause=lambda _: None, **options)
        self.run = run
        return run.run()


def ward_json(event: Mapping[str, Any]) -> bytes:
    return json.dumps(event).encode()


def a_day_on_the_ward(patients: int = 5, hours: float = 24, seed: int = 7) -> Installation:
    """A simulated ward over some hours, processed by the workers in small batches."""
    installation = Installation()
    cadence = bed_record.Cadence(vitals_every_s=900, mishaps=bed_record.Mishaps(merged=0.5, repeated=0.05))
    events = generator.ward(Random(seed), patients, START, duration=timedelta(hours=hours), cadence=cadence)
    for count, event in enumerate(events):
        installation.at = max(installation.at, to_ms(datetime.fromisoformat(event["received_at"])))
        installation.send(event)
        if count % 7 == 0:
            installation.tick(0)
            installation.work()
    installation.send_bytes(topics.VITALS, b'{"event_id": "broken"', b"key")
    for _ in range(4):  # until the workers have applied every record that a merge forwarded
        installation.tick()
        installation.work()
    return installation
