"""What feeds sent: every accepted event must lie in the log, or among the dead letters with its place and reason."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from agents.engine.partitioning import partition_of
from agents.engine.stamp import stamped
from agents.platform.errors import UserError
from agents.verify.partition_check import identity
from agents.verify.reader import Bounds, Progress, StoredRecord, TopicReader
from agents.verify.set_comparison import LogPlace, SetComparison
from monitor.units.instants import to_datetime
from schemas import topics
from schemas.dead_letters import Origin, dead_letter
from schemas.decode import Refused, decode
from schemas.events import Tick
from schemas.topics import TopicSpec

FIRST_FEED = 1  # feeds are numbered after the log
NUMBERS: Mapping[str, int] = {feed.name: number for number, feed in enumerate(topics.FEEDS, FIRST_FEED)}


@dataclass(slots=True)
class Feed:
    """One feed topic. `ends`: what it held when the check began."""

    spec: TopicSpec
    topic: str
    bounds: Mapping[int, Bounds]

    @property
    def number(self) -> int:
        """Its number among the topics of an account."""
        return NUMBERS[self.spec.name]


@dataclass(slots=True)
class FeedsCheck:
    """Reads the feeds beside the log. `since`: when what is left of a cut partition of the log begins, ms."""

    partitions: int
    arrivals: SetComparison
    letters: SetComparison
    ledger: SetComparison
    since: Mapping[int, int]
    taken: int = 0

    def read(self, journal: TopicReader, feed: Feed, progress: Progress) -> None:
        """All of one feed."""
        for partition, bounds in feed.bounds.items():
            for record in journal.read(feed.topic, partition, bounds.begin, bounds.end):
                self._take(record, feed, partition)
            progress.advance(bounds.end - bounds.begin)

    def _take(self, record: StoredRecord, feed: Feed, partition: int) -> None:
        self.taken += 1
        place = LogPlace(feed.number, partition, record.offset)
        said = decode(record.value, feed.spec.default_type)
        if isinstance(said, Refused):
            origin = Origin(feed.topic, partition, record.offset, to_datetime(record.timestamp))
            letter = dead_letter(said.reason, said.detail, record.value, origin)
            self.letters.expect(letter.model_dump_json().encode(), place)
        elif not isinstance(said.event, Tick):
            key = said.event.patient_id.encode()
            value = stamped(record.value or b"", said.event, feed.spec.default_type, record.timestamp)
            if record.timestamp > self.since.get(partition_of(key, self.partitions), -1):
                self.arrivals.expect(identity(key, value), place)
        self.ledger.find(line_identity(feed.topic, partition, record.offset, event_id_of(said, record)), place)


def event_id_of(said: object, record: StoredRecord) -> str:
    """The event's id as its sender wrote it; also that of an event that was refused, when it has one."""
    event = getattr(said, "event", None)
    if event is not None:
        return str(event.event_id)
    try:
        written = json.loads(record.value or b"null")
    except (ValueError, RecursionError):
        return ""
    return str(written.get("event_id", "")) if isinstance(written, dict) else ""


def line_identity(topic: str, partition: int, offset: int, event_id: str) -> bytes:
    """What a ledger's line says, as bytes."""
    return json.dumps([topic, partition, offset, event_id]).encode()


def expect_ledger(path: Path, feeds: Iterable[Feed], ledger: SetComparison) -> int:
    """Every line of a ledger of accepted events. Raises UserError naming the line that is none."""
    known = {feed.topic: feed for feed in feeds}
    lines = 0
    try:
        with path.open("rb") as file:
            for lines, line in enumerate(file, 1):
                said = json.loads(line)
                feed = known.get(said["topic"])
                partition, offset = int(said["partition"]), int(said["offset"])
                if feed is None or partition not in feed.bounds:
                    raise UserError(f"{path}: line {lines}: {said['topic']} is not a feed of this installation")
                if offset >= feed.bounds[partition].begin:
                    entry = line_identity(feed.topic, partition, offset, str(said["event_id"]))
                    ledger.expect(entry, LogPlace(feed.number, partition, offset))
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}; expected the ledger of `crs-monitor simulate`") from error
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path}: line {lines + 1}: not a line of a ledger: {type(error).__name__}") from error
    return lines


def find_letters(
    records: Iterable[StoredRecord], letters: SetComparison, ours: Callable[[str, int, int], int | None]
) -> Iterable[StoredRecord]:
    """Puts every dead letter that is ours to check into the account; gives those that cannot be read.

    `ours`: the number of a topic if a letter about this offset of it can be checked, else None.
    """
    for record in records:
        try:
            said = json.loads(record.value or b"null")
            topic, partition, offset = said["topic"], said["partition"], said["offset"]
        except (ValueError, TypeError, KeyError):
            yield record
            continue
        if topic is None or partition is None or offset is None:
            continue
        number = ours(topic, partition, offset)
        if number is not None:
            letters.find(record.value or b"", LogPlace(number, partition, offset))
