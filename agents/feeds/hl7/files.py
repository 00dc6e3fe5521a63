"""Messages in a file, one after the other: any line ends, MLLP bytes, a BOM, blank lines, batch headers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
BATCH = (b"FHS", b"BHS", b"BTS", b"FTS")
CHUNK = 1 << 20


def messages_in(stream: BinaryIO, longest_bytes: int) -> Iterator[bytes]:
    """The messages of a file, segments ended by CR; one that is too long is cut to one byte more than is allowed.

    What stands before the first MSH is a message of its own, which no reader takes for HL7.
    """
    lines: list[bytes] = []
    size = 0
    for line in lines_in(stream):
        if line.startswith(b"MSH") and lines:
            yield b"\r".join(lines)[: longest_bytes + 1]
            lines, size = [], 0
        if size <= longest_bytes:
            lines.append(line)
        size += len(line) + 1
    if lines:
        yield b"\r".join(lines)[: longest_bytes + 1]


def lines_in(stream: BinaryIO) -> Iterator[bytes]:
    """The lines that are not blank and no batch header, without framing bytes."""
    rest = stream.read(CHUNK)
    while rest:
        chunk = stream.read(CHUNK)
        lines = (rest + chunk).replace(b"\n", b"\r").replace(b"\x1c", b"\r").split(b"\r")
        rest = lines.pop() if chunk else b""
        for line in lines:
            line = line.strip(b"\x0b ").removeprefix(BYTE_ORDER_MARK)
            if line and not line.startswith(BATCH):
                yield line
