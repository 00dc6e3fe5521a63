"""Events from files, one JSON object a line, in arrival order. Several files are played as one, by time of arrival.

A line that is no event is handed on with the reason; a line of any length costs no more memory than the longest
message the contract allows.
"""

from __future__ import annotations

import heapq
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import BinaryIO, NamedTuple

from agents.engine.playback import arrival
from agents.platform.errors import UserError
from monitor.units.instants import LONG_AGO
from schemas.dead_letters import PAYLOAD_LIMIT_BYTES
from schemas.decode import Decoded, Refused, decode

STDIN = "-"
EXPECTED = "expected events as JSON, one object a line (NDJSON)"
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
# First bytes of files that people may take for events.
MAGIC = {
    b"PAR1": "a Parquet file: a CLIF data set is read with --clif DIRECTORY",
    b"\x1f\x8b": "compressed: try `gunzip -c FILE | crs-monitor replay -`",
    b"\x28\xb5\x2f\xfd": "compressed: try `zstd -dc FILE | crs-monitor replay -`",
    b"PK\x03\x04": "a zip archive: unpack it first",
}


class SourceRecord(NamedTuple):
    """What one line says. `file` and `line` are where it stands, `payload` the line itself (cut when too long)."""

    file: str
    line: int
    payload: bytes
    said: Decoded | Refused


class NdjsonFiles:
    """Iterate for what the lines of some files say. `read`, `total`: bytes, for a progress bar; total None: unknown."""

    def __init__(self, paths: Iterable[str]) -> None:
        """Opens the files. Raises UserError when one of them cannot be read, or is something else."""
        self.names = tuple(paths)
        self.read = 0
        self.unmapped: Counter[str] = Counter()  # Always empty: these lines are in the contract's own words.
        if self.names.count(STDIN) > 1:
            raise UserError("`-` (standard input) can be given once only")
        self._streams = [opened(name) for name in self.names]
        self.total = None if STDIN in self.names else sum(size_of(stream) for stream in self._streams)

    def __iter__(self) -> Iterator[SourceRecord]:
        """All lines, by arrival; lines of one file stay in their order."""
        files = [self._lines(name, stream) for name, stream in zip(self.names, self._streams, strict=True)]
        if len(files) == 1:
            return (told for _, told in files[0])
        return (told for _, told in heapq.merge(*files, key=lambda one: one[0]))

    def _lines(self, name: str, stream: BinaryIO) -> Iterator[tuple[int, SourceRecord]]:
        """The lines with the file's log clock: the latest arrival so far. Empty lines say nothing."""
        clock = LONG_AGO
        with stream:
            for number, payload in enumerate(self._bounded(stream), start=1):
                if number == 1:
                    payload = payload.removeprefix(BYTE_ORDER_MARK)
                if not payload or payload.isspace():
                    continue
                said = decode(payload)
                if isinstance(said, Decoded):
                    clock = max(clock, arrival(said.event))
                yield clock, SourceRecord(name, number, payload, said)

    def _bounded(self, stream: BinaryIO) -> Iterator[bytes]:
        """The lines without their ends; of a line that is too long only so much that it is seen to be."""
        longest = PAYLOAD_LIMIT_BYTES + 2
        while chunk := stream.readline(longest):
            self.read += len(chunk)
            line = chunk.rstrip(b"\r\n")
            while len(chunk) == longest and not chunk.endswith(b"\n"):
                chunk = stream.readline(longest)
                self.read += len(chunk)
            yield line


def opened(name: str) -> BinaryIO:
    """The file, with a look at its first bytes."""
    if name == STDIN:
        return sys.stdin.buffer
    try:
        stream = open(name, "rb")  # noqa: SIM115  (closed by whoever reads it)
        # A pipe or a device cannot be looked at twice.
        start = stream.peek(8)[:8] if stream.seekable() else b""
    except OSError as error:
        raise UserError(f"{name}: {error.strerror}; {EXPECTED}") from error
    for magic, advice in MAGIC.items():
        if start.startswith(magic):
            stream.close()
            raise UserError(f"{name}: {EXPECTED}, this is {advice}")
    return stream


def size_of(stream: BinaryIO) -> int:
    """Bytes in the file; 0 for what has no size."""
    if not stream.seekable():
        return 0
    size = stream.seek(0, 2)
    stream.seek(0)
    return size
