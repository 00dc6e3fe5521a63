"""Compares two sets that do not fit in memory: kept on disk as hashes, compared one part at a time."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path
from struct import Struct
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import NamedTuple, Self

PARTS = 64
BUFFER_BYTES = 64 * 1024
ENTRY = Struct("<QHHQ")


class LogPlace(NamedTuple):
    """Place of a record: the number of its topic (feeds_check.NUMBERS), partition, offset."""

    topic: int
    partition: int
    offset: int


def record_identity(key: bytes | None, value: bytes | None) -> bytes:
    """The identity of a log record: its patient and its bytes, without time and offset, which may differ."""
    return b"%b\x00%b" % (key or b"", value or b"")


class SetComparison:
    """Compares what was expected with what was found. Memory does not grow with the number of entries.

    Both are sets: an entry that was expected or found several times counts as once. That is intended, because a record
    may be delivered more than once; repeats are harmless and are not counted here.
    """

    def __init__(self) -> None:
        self._directory = TemporaryDirectory(prefix="crs-verify-")
        self._expected = HashedSet(Path(self._directory.name) / "expected")
        self._found = HashedSet(Path(self._directory.name) / "found")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._directory.cleanup()

    def expect(self, identity: bytes, place: LogPlace) -> None:
        """Adds an entry that should be found. `place`: the record from which it follows."""
        self._expected.put(identity, place)

    def find(self, identity: bytes, place: LogPlace) -> None:
        """Adds an entry that was found at `place`."""
        self._found.put(identity, place)

    def missing(self) -> Iterator[LogPlace]:
        """Places of entries that were expected and not found."""
        return self._expected.without(self._found)

    def unexpected(self) -> Iterator[LogPlace]:
        """Places of entries that were found and not expected."""
        return self._found.without(self._expected)


class HashedSet:
    """One of the two sets: hashes with their places, in PARTS files by hash, so that one part fits in memory."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir()
        self._paths = [directory / f"{number:02d}" for number in range(PARTS)]
        self._buffers = [bytearray() for _ in range(PARTS)]

    def put(self, identity: bytes, place: LogPlace) -> None:
        """Adds an entry."""
        hashed = int.from_bytes(blake2b(identity, digest_size=8).digest(), "little")
        buffer = self._buffers[hashed % PARTS]
        buffer += ENTRY.pack(hashed, *place)
        if len(buffer) >= BUFFER_BYTES:
            self._write(hashed % PARTS)

    def part(self, number: int) -> Iterator[tuple[int, LogPlace]]:
        """The hashes and places of one part."""
        self._write(number)
        for hashed, *place in ENTRY.iter_unpack(self._paths[number].read_bytes()):
            yield hashed, LogPlace(*place)

    def without(self, other: HashedSet) -> Iterator[LogPlace]:
        """Places of the entries that `other` does not have."""
        for number in range(PARTS):
            known = {hashed for hashed, _ in other.part(number)}
            for hashed, place in self.part(number):
                if hashed not in known:
                    yield place

    def _write(self, number: int) -> None:
        with self._paths[number].open("ab") as file:
            file.write(self._buffers[number])
        self._buffers[number].clear()
