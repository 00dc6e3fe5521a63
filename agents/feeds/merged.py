"""Several sources of events played as one, by time of arrival: one clock."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Protocol

from agents.feeds.source import EventSource, SourceRecord


class ClockedSource(EventSource, Protocol):
    """A source whose records can be merged: each with the latest arrival so far."""

    def clocked(self) -> Iterator[tuple[int, SourceRecord]]: ...


class MergedSources:
    """Iterate for the records of all sources; those of one source stay in their order."""

    def __init__(self, sources: Sequence[ClockedSource]) -> None:
        self.sources = sources
        self.name = ", ".join(source.name for source in sources)

    @property
    def read(self) -> int:
        """Bytes read of all sources."""
        return sum(source.read for source in self.sources)

    @property
    def total(self) -> int | None:
        """Bytes of all sources; None when one cannot say."""
        sizes = [source.total for source in self.sources]
        return None if None in sizes else sum(size or 0 for size in sizes)

    @property
    def unmapped(self) -> Counter[str]:
        """What the sources held without a counterpart in the contract."""
        return sum((source.unmapped for source in self.sources), Counter())

    def __iter__(self) -> Iterator[SourceRecord]:
        """All records, by arrival."""
        merged = heapq.merge(*(source.clocked() for source in self.sources), key=lambda one: one[0])
        return (record for _, record in merged)
