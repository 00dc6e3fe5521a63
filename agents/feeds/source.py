"""What a replay reads from: records in order of arrival, whatever the format of the files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple, Protocol, TypeVar

from agents.feeds.translation.outcome import Letter
from schemas.decoded import Decoded, Refused

RecordRead = TypeVar("RecordRead", covariant=True)


class SourceRecord(NamedTuple):
    """One record. `file` and `line`: its place, `payload`: the event as JSON (cut when too long).

    A `Letter`: a message of another format, or a row of it, that was set aside; `payload` is that message.
    """

    file: str
    line: int
    payload: bytes
    decoded: Decoded | Refused | Letter


class Source(Protocol[RecordRead]):
    """Iterate for the records, in order of arrival. Iterating raises UserError when the input cannot be read.

    `name`: for a report, without directories. `read` of `total`: progress, in bytes or rows; total None: unknown.
    `unmapped`: how often the source held something that the contract cannot express, by name.
    """

    @property
    def name(self) -> str: ...

    @property
    def read(self) -> int: ...

    @property
    def total(self) -> int | None: ...

    @property
    def unmapped(self) -> Counter[str]: ...

    def __iter__(self) -> Iterator[RecordRead]: ...


EventSource = Source[SourceRecord]
