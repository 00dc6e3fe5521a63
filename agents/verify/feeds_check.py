"""Checks the feeds: every event must be in the log, or among the dead letters with its place and reason."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from agents.engine.log_time import append_time, time_to_show
from agents.engine.partitioning import partition_of
from agents.engine.stamp import log_value
from agents.platform.errors import UserError
from agents.verify.reader import Bounds, Progress, StoredRecord, TopicReader
from agents.verify.set_comparison import LogPlace, SetComparison, record_identity
from schemas import topics
from schemas.dead_letters import Origin, dead_letter
from schemas.decode import decode
from schemas.decoded import Refused
from schemas.events import Tick
from schemas.topics import TopicSpec

FIRST_FEED = 1  # feeds are numbered after the log
NUMBERS: Mapping[str, int] = {feed.name: number for number, feed in enumerate(topics.FEEDS, FIRST_FEED)}


@dataclass(slots=True)
class Feed:
    """One feed topic. `topic`: its name with the prefix. `bounds`: what it held when the check began."""

    spec: TopicSpec
    topic: str
    bounds: Mapping[int, Bounds]

    @property
    def number(self) -> int:
        """Its number in LogPlace.topic."""
        return NUMBERS[self.spec.name]


@dataclass(slots=True)
class FeedsCheck:
    """Compares the feeds with the log, the dead letters and the ledger.

    `since`: for a partition whose beginning retention removed, the time of its first record, ms since 1970. Events
    from before are not expected in the log.
    """

    partitions: int
    arrivals: SetComparison
    letters: SetComparison
    ledger: SetComparison
    since: Mapping[int, int]
    taken: int = 0

    def read(self, reader: TopicReader, feed: Feed, progress: Progress) -> None:
        """Reads all of one feed."""
        for partition, bounds in feed.bounds.items():
            for record in reader.read(feed.topic, partition, bounds.begin, bounds.end):
                self._take(record, feed, partition)
            progress.advance(bounds.end - bounds.begin)

    def _take(self, record: StoredRecord, feed: Feed, partition: int) -> None:
        self.taken += 1
        place = LogPlace(feed.number, partition, record.offset)
        decoded = decode(record.value, feed.spec.default_type)
        if isinstance(decoded, Refused):
            origin = Origin(feed.topic, partition, record.offset, time_to_show(record))
            letter = dead_letter(decoded.reason, decoded.detail, record.value, origin)
            self.letters.expect(letter.model_dump_json().encode(), place)
        elif not isinstance(decoded.event, Tick):
            key = decoded.event.patient_id.encode()
            value = log_value(record, decoded, feed.spec.default_type)
            since, appended_at = self.since.get(partition_of(key, self.partitions)), append_time(record)
            if since is None or (appended_at is not None and appended_at > since):
                self.arrivals.expect(record_identity(key, value), place)
        self.ledger.find(line_identity(feed.topic, partition, record.offset, event_id_of(decoded, record)), place)


def event_id_of(decoded: object, record: StoredRecord) -> str:
    """The event id as the sender wrote it; of a refused event also, when it has one, else empty."""
    event = getattr(decoded, "event", None)
    if event is not None:
        return str(event.event_id)
    try:
        written = json.loads(record.value or b"null")
    except (ValueError, RecursionError):
        return ""
    return str(written.get("event_id", "")) if isinstance(written, dict) else ""


def line_identity(topic: str, partition: int, offset: int, event_id: str) -> bytes:
    """The identity of a ledger line, for a SetComparison."""
    return json.dumps([topic, partition, offset, event_id]).encode()


def expect_ledger(path: Path, feeds: Iterable[Feed], ledger: SetComparison) -> int:
    """Expects every line of a ledger of accepted events; gives the number of lines.

    Raises UserError with the line number when a line is not valid, or names a topic that is not a feed.
    """
    known = {feed.topic: feed for feed in feeds}
    lines = 0
    try:
        with path.open("rb") as file:
            for lines, line in enumerate(file, 1):
                entry = json.loads(line)
                feed = known.get(entry["topic"])
                partition, offset = int(entry["partition"]), int(entry["offset"])
                if feed is None or partition not in feed.bounds:
                    raise UserError(f"{path}: line {lines}: {entry['topic']} is not a feed of this installation")
                if offset >= feed.bounds[partition].begin:
                    line_id = line_identity(feed.topic, partition, offset, str(entry["event_id"]))
                    ledger.expect(line_id, LogPlace(feed.number, partition, offset))
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}; expected the ledger of `crs-monitor simulate`") from error
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path}: line {lines + 1}: not a line of a ledger: {type(error).__name__}") from error
    return lines


def find_letters(
    records: Iterable[StoredRecord], letters: SetComparison, topic_number: Callable[[str, int, int], int | None]
) -> Iterable[StoredRecord]:
    """Adds every dead letter that can be checked to `letters`; gives those that cannot be read.

    `topic_number`: the number in LogPlace.topic when a letter about this topic, partition and offset can be checked,
    else None.
    """
    for record in records:
        try:
            letter = json.loads(record.value or b"null")
            topic, partition, offset = letter["topic"], letter["partition"], letter["offset"]
        except (ValueError, TypeError, KeyError):
            yield record
            continue
        if topic is None or partition is None or offset is None:
            continue
        number = topic_number(topic, partition, offset)
        if number is not None:
            letters.find(record.value or b"", LogPlace(number, partition, offset))
