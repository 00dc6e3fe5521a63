"""Events from files, one JSON object a line, in arrival order. Several files are played as one, by time of arrival.

A line that is not an event is passed on with the reason. A line of any length takes no more memory than the longest
message that the contract allows.
"""

from __future__ import annotations

import heapq
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from agents.engine.playback import arrival
from agents.feeds.source import SourceRecord
from agents.platform.errors import UserError
from monitor.units import LONG_AGO
from schemas.dead_letters import PAYLOAD_LIMIT_BYTES
from schemas.decode import decode
from schemas.decoded import Decoded

STDIN = "-"
EXPECTED = "expected events as JSON, one object a line (NDJSON)"
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
# First bytes of files that are easily given by mistake.
MAGIC = {
    b"PAR1": "a Parquet file: a CLIF data set is read with --clif DIRECTORY",
    b"\x1f\x8b": "compressed: try `gunzip -c FILE | {command}`",
    b"\x28\xb5\x2f\xfd": "compressed: try `zstd -dc FILE | {command}`",
    b"PK\x03\x04": "a zip archive: unpack it first",
}


class NdjsonFiles:
    """Iterate for the events of some files. `read`, `total`: bytes, for a progress bar; total None: unknown."""

    def __init__(self, paths: Iterable[str]) -> None:
        """Opens the files. Raises UserError when one of them cannot be read, or is something else."""
        self.names = tuple(paths)
        self.name = ", ".join(Path(name).name for name in self.names)
        self.read = 0
        self.unmapped: Counter[str] = Counter()  # Always empty: the lines are events of the contract.
        if self.names.count(STDIN) > 1:
            raise UserError("`-` (standard input) can be given once only")
        self._streams = [opened(name) for name in self.names]
        self.total = None if STDIN in self.names else sum(size_of(stream) for stream in self._streams)

    def __iter__(self) -> Iterator[SourceRecord]:
        """All lines, by arrival; lines of one file stay in their order."""
        return (record for _, record in self.clocked())

    def clocked(self) -> Iterator[tuple[int, SourceRecord]]:
        """The lines with the latest arrival so far, by which they are merged with those of other sources."""
        files = [self._lines(name, stream) for name, stream in zip(self.names, self._streams, strict=True)]
        return files[0] if len(files) == 1 else heapq.merge(*files, key=lambda one: one[0])

    def _lines(self, name: str, stream: BinaryIO) -> Iterator[tuple[int, SourceRecord]]:
        """The lines with the file's log clock: the latest arrival so far. Empty lines are skipped."""
        clock = LONG_AGO
        with stream:
            for number, payload in enumerate(self._bounded(stream), start=1):
                if number == 1:
                    payload = payload.removeprefix(BYTE_ORDER_MARK)
                if not payload or payload.isspace():
                    continue
                decoded = decode(payload)
                if isinstance(decoded, Decoded):
                    clock = max(clock, arrival(decoded.event))
                yield clock, SourceRecord(name, number, payload, decoded)

    def _bounded(self, stream: BinaryIO) -> Iterator[bytes]:
        """The lines without line ends; of a line that is too long only so much that the decoder sees that it is."""
        longest = PAYLOAD_LIMIT_BYTES + 2
        while chunk := stream.readline(longest):
            self.read += len(chunk)
            line = chunk.rstrip(b"\r\n")
            while len(chunk) == longest and not chunk.endswith(b"\n"):
                chunk = stream.readline(longest)
                self.read += len(chunk)
            yield line


def opened(name: str, expected: str = EXPECTED, command: str = "crs-monitor replay -") -> BinaryIO:
    """Opens a file. Raises UserError when its first bytes show that it is something else.

    `expected`: what the file should hold, in words. `command`: what reads it from standard input.
    """
    if name == STDIN:
        return sys.stdin.buffer
    try:
        stream = open(name, "rb")  # noqa: SIM115  (closed by whoever reads it)
        # The first bytes of a pipe or a device could not be read again.
        start = stream.peek(8)[:8] if stream.seekable() else b""
    except OSError as error:
        raise UserError(f"{name}: {error.strerror}; {expected}") from error
    for magic, advice in MAGIC.items():
        if start.startswith(magic):
            stream.close()
            raise UserError(f"{name}: {expected}, this is {advice.format(command=command)}")
    return stream


def size_of(stream: BinaryIO) -> int:
    """Bytes in the file; 0 for a pipe or device."""
    if not stream.seekable():
        return 0
    size = stream.seek(0, 2)
    stream.seek(0)
    return size
