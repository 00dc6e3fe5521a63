"""One run of the checker: waits until the live system has caught up, then replays the log and compares."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from time import monotonic, sleep

from agents.engine.partition import Partition
from agents.engine.partitioning import belongs_to
from agents.platform.errors import UserError
from agents.platform.settings import Settings
from agents.verify.feeds_check import NUMBERS, Feed, FeedsCheck, expect_ledger, find_letters
from agents.verify.findings import Breach, BreachKind, Findings
from agents.verify.live_partition import LivePartition
from agents.verify.partition_check import LOG, PartitionCheck
from agents.verify.published import PublishedAlerts, PublishedStates
from agents.verify.reader import Bounds, NoProgress, Progress, StoredRecord, TopicReader
from agents.verify.set_comparison import LogPlace, SetComparison
from agents.verify.snapshot import Snapshot, caught_up, snapshots
from monitor.guidelines.in_force import Guideline
from schemas import topics

CHUNK = 1000
NAMES: Mapping[int, str] = {LOG: topics.PATIENT_EVENTS.name} | {number: name for name, number in NUMBERS.items()}


@dataclass
class Verification:
    """What is checked, against which guideline, and how many seconds to wait for the live system.

    `export` gets every record of the log that is replayed, with its partition.
    """

    reader: TopicReader
    settings: Settings
    guideline: Guideline
    wait_seconds: float = 30.0
    ledger_file: Path | None = None
    progress: Progress = field(default_factory=NoProgress)
    export: Callable[[int, StoredRecord], None] = lambda _partition, _record: None
    clock: Callable[[], float] = monotonic
    pause: Callable[[float], None] = sleep
    waited_seconds: float = 0.0

    def run(self) -> Findings:
        """Checks everything. Raises UserError when brokers, topics or the ledger cannot be read."""
        self.findings = Findings()
        self.log = self.settings.topic(topics.PATIENT_EVENTS)
        with ExitStack() as closing:
            self.arrivals, self.letters, self.ledger = (closing.enter_context(SetComparison()) for _ in range(3))
            feeds = [Feed(spec, self.settings.topic(spec), self._bounds(spec)) for spec in topics.FEEDS]
            if self.ledger_file is not None:
                expect_ledger(self.ledger_file, feeds, self.ledger)
            self._wait(feeds)
            self._replay()
            self._read_feeds(feeds)
            self._read_letters(feeds)
            self._compare_sets()
        return self.findings

    def _bounds(self, spec: topics.TopicSpec) -> Mapping[int, Bounds]:
        return self.reader.bounds(self.settings.topic(spec))

    def _wait(self, feeds: list[Feed]) -> None:
        """Waits for intake first, because the log's ends must include the events of the feeds; then for the rows."""
        began = self.clock()
        until = began + self.wait_seconds
        self.committed: dict[int, dict[int, int]] = {}
        for feed in feeds:
            ends = {p: bounds.end for p, bounds in feed.bounds.items() if bounds.end > bounds.begin}
            committed = partial(self.reader.committed, self.settings.group, feed.topic)
            self.committed[feed.number] = caught_up(committed, ends, until, self.clock, self.pause)
        ends = self._log_ends()
        left = max(0.0, until - self.clock())
        self.rows = snapshots(self.reader, self.settings.changelog, ends, left, self.clock, self.pause)
        self.waited_seconds = self.clock() - began
        self._report_lag()

    def _log_ends(self) -> dict[int, int]:
        """The end of each partition of the log. Raises UserError when their number is not the configured one."""
        ends = {partition: bounds.end for partition, bounds in self.reader.bounds(self.log).items()}
        if len(ends) != self.settings.partitions:
            raise UserError(
                f"topic {self.log} has {len(ends)} partitions, the settings say {self.settings.partitions}: "
                "set CRS_PARTITIONS to the number of partitions of the topic"
            )
        return ends

    def _report_lag(self) -> None:
        for partition, snapshot in self.rows.items():
            behind = max(0, snapshot.wanted - snapshot.marker.next_offset)
            self.findings.lag += behind
            if behind:
                self._breach("marker_behind", partition, snapshot.marker.next_offset, f"{behind} records behind")

    def _replay(self) -> None:
        """Replays the partitions one after the other, so that only one is in memory."""
        self.log_bounds = self.reader.bounds(self.log)
        self.since: dict[int, int] = {}
        alert_bounds, state_bounds = self._bounds(topics.ALERTS), self._bounds(topics.PATIENT_STATE)
        records = sum(end - begin for begin, end in self.log_bounds.values())
        self.progress.begin("replaying the log", records)
        for partition, snapshot in self.rows.items():
            live = self._live(partition, snapshot, alert_bounds[partition], state_bounds[partition])
            self._replay_partition(partition, live)
            snapshot.held.rows.clear()

    def _live(self, partition: int, snapshot: Snapshot, alert_bounds: Bounds, state_bounds: Bounds) -> LivePartition:
        alerts, states = PublishedAlerts(partition), PublishedStates(snapshot.marker.next_offset)
        for record in self.reader.read(self.settings.topic(topics.ALERTS), partition, *alert_bounds):
            alerts.take(record)
        for record in self.reader.read(self.settings.topic(topics.PATIENT_STATE), partition, *state_bounds):
            states.take(record)
        return LivePartition(snapshot.held, alerts, states)

    def _replay_partition(self, partition: int, live: LivePartition) -> None:
        bounds = self.log_bounds[partition]
        shard = Partition(
            self.guideline,
            partition,
            self.log,
            next_offset=bounds.begin,
            owns_patient=belongs_to(partition, self.settings.partitions),
        )
        check = PartitionCheck(shard, live, self.findings, self.arrivals, self.letters, bounds.begin)
        if check.is_cut:
            self.findings.cut = True
        for count, record in enumerate(self.reader.read(self.log, partition, *bounds), 1):
            if check.is_cut:
                self.since.setdefault(partition, record.timestamp)
            check.take(record)
            if record.offset < check.replay_end:
                self.export(partition, record)
            if count % CHUNK == 0:
                self.progress.advance(CHUNK)
        check.close()

    def _read_feeds(self, feeds: list[Feed]) -> None:
        check = FeedsCheck(self.settings.partitions, self.arrivals, self.letters, self.ledger, self.since)
        self.progress.begin("the feeds", sum(end - begin for feed in feeds for begin, end in feed.bounds.values()))
        for feed in feeds:
            check.read(self.reader, feed, self.progress)

    def _read_letters(self, feeds: list[Feed]) -> None:
        """Reads the dead letters of records that were checked. Others concern later records or other topics."""
        topic = self.settings.topic(topics.DEAD_LETTERS)
        bounds = {feed.topic: (feed.number, feed.bounds) for feed in feeds}
        markers = {
            partition: Bounds(self.log_bounds[partition].begin, rows.marker.next_offset)
            for partition, rows in self.rows.items()
        }
        bounds[self.log] = (LOG, markers)

        def topic_number(about: str, partition: int, offset: int) -> int | None:
            number, checked = bounds.get(about, (None, {}))
            begin, end = checked.get(partition, (0, 0))
            return number if begin <= offset < end else None

        for partition, (begin, end) in self.reader.bounds(topic).items():
            for record in find_letters(self.reader.read(topic, partition, begin, end), self.letters, topic_number):
                self._breach("letter_phantom", partition, None, f"not a dead letter, at offset {record.offset}")

    def _compare_sets(self) -> None:
        """Reports every entry that only one of the two sets has."""
        for place in self.arrivals.missing():
            if place.topic != LOG and place.offset >= self.committed[place.topic].get(place.partition, 0):
                self.findings.lag += 1  # Intake has not committed it yet: late, not lost.
            else:
                self._report_place("event_lost", place, "is not in the log")
        for place in self.letters.missing():
            if place.topic != LOG and place.offset >= self.committed[place.topic].get(place.partition, 0):
                self.findings.lag += 1
            else:
                self._report_place("letter_missing", place, "was refused, and is not among the dead letters")
        for place in self.letters.unexpected():
            if not self.findings.cut:
                self._report_place("letter_phantom", place, "is among the dead letters for a reason that does not hold")
        for place in self.ledger.missing():
            self._report_place("ledger_differs", place, "is in the ledger and not in its feed")

    def _report_place(self, kind: BreachKind, place: LogPlace, what: str) -> None:
        name = self.settings.topic_prefix + NAMES[place.topic]
        at = place.offset if place.topic == LOG else None
        detail = f"{name} partition {place.partition} offset {place.offset} {what}"
        self.findings.add(Breach(kind, place.partition, at, detail, {}, name, place.offset))

    def _breach(self, kind: BreachKind, partition: int, log_offset: int | None, detail: str) -> None:
        self.findings.add(Breach(kind, partition, log_offset, detail, {}))
