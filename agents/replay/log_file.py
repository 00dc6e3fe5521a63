"""A stretch of the log in a file, as `verify --export` writes it: read once to check it, and again to replay it."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryFile
from typing import BinaryIO, cast

from agents.engine.log_lines import EXPECTED, LineError, LogLine, decode_line
from agents.engine.partitioning import partition_of
from agents.feeds.ndjson import BYTE_ORDER_MARK, opened, size_of
from agents.platform.errors import UserError

LONGEST_LINE_BYTES = 64 * 1024 * 1024
NAMED = 5  # partitions that a message names


@dataclass
class Contents:
    """What a file holds: partitions with their first offset, how many offsets are missing in each, and its keys."""

    first: dict[int, int] = field(default_factory=dict)
    last: dict[int, int] = field(default_factory=dict)
    missing: Counter[int] = field(default_factory=Counter)
    keys: set[tuple[bytes, int]] = field(default_factory=set)

    def add(self, line: LogLine) -> None:
        """Adds the next line. Raises LineError when it is not in the order of the log."""
        last = self.last.get(line.partition)
        if last is None:
            self.first[line.partition] = line.offset
        elif line.offset <= last:
            raise LineError(
                f"offset {line.offset} of partition {line.partition} comes after offset {last}: "
                "a partition's records must be in the order of their offsets, each once"
            )
        else:
            self.missing[line.partition] += line.offset - last - 1
        self.last[line.partition] = line.offset
        if line.key is not None:
            self.keys.add((line.key, line.partition))

    @property
    def partitions(self) -> int:
        """How many partitions the log has, if the file holds the last of them."""
        return max(self.first, default=0) + 1

    def misplaced(self, partitions: int) -> int:
        """How many keys do not belong to their partition, if the log has so many."""
        return sum(partition_of(key, partitions) != partition for key, partition in self.keys)


class LogFile:
    """Iterate for the records. `name`: without directories. `read` of `total`: progress in bytes.

    `partitions`: of the whole log. `incomplete`: what of the log is not in the file, in words.
    """

    def __init__(self, path: str, partitions: int | None = None) -> None:
        """Reads and checks the whole file. `partitions`: of the log; None: as the file shows. Raises UserError."""
        self.path = path
        self.name = Path(path).name
        self.unmapped: Counter[str] = Counter()  # Always empty: the lines are records of the log.
        self._stream = seekable(opened(path, EXPECTED, "crs-monitor replay --from-log -"))
        self.total: int | None = size_of(self._stream)
        self.contents = Contents()
        for _ in self._checked(self.contents):
            pass
        self.partitions = self._partitions(partitions)
        self.read = 0

    def __iter__(self) -> Iterator[LogLine]:
        """All records, in the order of the file."""
        self._stream.seek(0)
        with self._stream:
            yield from self._checked(Contents())

    @property
    def incomplete(self) -> Iterator[str]:
        """One sentence for each way in which the file is not the log from its beginning."""
        cut = [f"{partition} (at offset {first})" for partition, first in sorted(self.contents.first.items()) if first]
        if cut:
            yield (
                f"{self.path}: the log's beginning is not in it: partition {some(cut)} begins later. What happened "
                "before is unknown here, so patients of that time may get other grades and alerts than the worker gave"
            )
        gaps = [f"{partition} ({count})" for partition, count in sorted(self.contents.missing.items()) if count]
        if gaps:
            yield f"{self.path}: offsets are missing within partition {some(gaps)}: the worker may have read more"

    def _partitions(self, given: int | None) -> int:
        contents = self.contents
        if given is not None:
            if given < contents.partitions:
                raise UserError(f"--partitions {given}: {self.path} has partition {contents.partitions - 1}")
            return given
        misplaced, known = contents.misplaced(contents.partitions), len(contents.keys)
        if 2 * misplaced > known:
            raise UserError(
                f"{self.path}: {misplaced} of {known} patients do not belong to their partition if the log has "
                f"{contents.partitions}: say how many partitions it has with --partitions"
            )
        return contents.partitions

    def _checked(self, contents: Contents) -> Iterator[LogLine]:
        """The records, added to `contents`. Raises UserError that names file and line."""
        number, self.read = 0, 0
        while text := self._stream.readline(LONGEST_LINE_BYTES):
            number += 1
            self.read += len(text)
            if number == 1:
                text = text.removeprefix(BYTE_ORDER_MARK)
            if text.isspace():
                continue
            try:
                line = decode_line(text)
                contents.add(line)
            except LineError as error:
                raise UserError(f"{self.path}:{number}: {error}") from error
            yield line


def seekable(stream: BinaryIO) -> BinaryIO:
    """The stream, or a copy of it on disk, without a name, when it can be read once only."""
    if stream.seekable():
        return stream
    copy = cast(BinaryIO, TemporaryFile())  # noqa: SIM115  (closed by whoever reads it)
    shutil.copyfileobj(stream, copy)
    copy.seek(0)
    return copy


def some(names: list[str]) -> str:
    """The first few names, and how many more there are."""
    more = len(names) - NAMED
    return ", ".join(names[:NAMED]) + (f" and {more} more" if more > 0 else "")
