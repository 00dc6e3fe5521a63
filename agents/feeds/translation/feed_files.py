"""Files of a format with messages, translated: in the order of the files, or by when messages were sent."""

from __future__ import annotations

import heapq
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, NamedTuple

from agents.engine.playback import arrival
from agents.feeds.ndjson import STDIN, opened, size_of
from agents.feeds.source import SourceRecord
from agents.feeds.translation.outcome import Outcome
from agents.feeds.translation.summary import Summary
from agents.platform.errors import UserError
from monitor.units import LONG_AGO


class FileMessage(NamedTuple):
    """A message where it lies: `number` in its file, from 1."""

    file: str
    number: int
    raw: bytes


class FeedFiles(ABC):
    """Iterate for the events and dead letters of some files, by when they were sent. `summary`: what came of them."""

    expected = "expected messages"

    def __init__(self, paths: Sequence[str], command: str = "crs-monitor translate -") -> None:
        """Opens the files. Raises UserError when one of them cannot be read, or is something else."""
        if list(paths).count(STDIN) > 1:
            raise UserError("`-` (standard input) can be given once only")
        self.names = tuple(paths)
        self.name = ", ".join(Path(name).name for name in self.names)
        self.read = 0
        self.summary = Summary()
        self.streams = [opened(name, self.expected, command) for name in self.names]
        self.total = None if STDIN in self.names else sum(size_of(stream) for stream in self.streams)

    @property
    def unmapped(self) -> Counter[str]:
        """What no table knows, by name, for the summary of a replay."""
        counts: Counter[str] = Counter()
        for one, count in self.summary.unmapped.items():
            counts[" ".join(part for part in (one.kind, one.system, one.code or one.text) if part)] += count
        return counts

    @abstractmethod
    def messages_in(self, stream: BinaryIO) -> Iterator[bytes]:
        """The messages of one file."""

    @abstractmethod
    def sent_at(self, raw: bytes) -> int | None:
        """When a message was sent, ms; None where it does not say."""

    @abstractmethod
    def translate(self, raw: bytes) -> Outcome:
        """What one message says, after all before it."""

    def in_order(self) -> Iterator[tuple[FileMessage, Outcome]]:
        """All messages with what came of them, in the order of the files."""
        for name, stream in zip(self.names, self.streams, strict=True):
            for message in self._numbered(name, stream):
                yield message, self._translated(message)

    def __iter__(self) -> Iterator[SourceRecord]:
        """All events and letters; several files are played as one, by when their messages were sent."""
        return (record for _, record in self.clocked())

    def clocked(self) -> Iterator[tuple[int, SourceRecord]]:
        """The records with the latest arrival so far, by which they are merged with those of other sources."""
        files = [self._by_sending(name, stream) for name, stream in zip(self.names, self.streams, strict=True)]
        clock = LONG_AGO
        for sent_at, message in heapq.merge(*files, key=lambda one: one[0]):
            clock = max(clock, sent_at)
            for record in records_of(message, self._translated(message)):
                clock = max(clock, record.arrival or clock)
                yield clock, record.record

    def _by_sending(self, name: str, stream: BinaryIO) -> Iterator[tuple[int, FileMessage]]:
        clock = LONG_AGO
        for message in self._numbered(name, stream):
            clock = max(clock, self.sent_at(message.raw) or clock)
            yield clock, message

    def _numbered(self, name: str, stream: BinaryIO) -> Iterator[FileMessage]:
        with stream:
            for number, raw in enumerate(self.messages_in(stream), 1):
                self.read += len(raw)
                yield FileMessage(name, number, raw)

    def _translated(self, message: FileMessage) -> Outcome:
        outcome = self.translate(message.raw)
        self.summary.add(outcome)
        return outcome


class Timed(NamedTuple):
    """A record, and when its event arrived."""

    arrival: int | None
    record: SourceRecord


def records_of(message: FileMessage, outcome: Outcome) -> Iterator[Timed]:
    """The events of a message, then its dead letters."""
    for one in outcome.events:
        record = SourceRecord(message.file, message.number, one.payload, one.decoded)
        yield Timed(arrival(one.decoded.event), record)
    for letter in outcome.letters:
        yield Timed(None, SourceRecord(message.file, message.number, message.raw, letter))
