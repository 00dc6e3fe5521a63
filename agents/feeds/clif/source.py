"""The stays of a CLIF data set as an event source: each event as JSON, decoded like one from a live feed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from pydantic_core import to_json

from agents.feeds.clif.errors import ClifError
from agents.feeds.clif.stays import ClifStays
from agents.feeds.source import SourceRecord
from agents.platform.errors import UserError
from schemas.decode import decode


class ClifEvents:
    """Iterate for the events. A record's line is the number of the event in time order."""

    def __init__(self, directory: Path) -> None:
        """Raises UserError when the directory is not a CLIF data set."""
        try:
            self.stays = ClifStays(directory)
        except ClifError as error:
            raise UserError(str(error)) from error
        self.name = directory.name or str(directory)
        self.total: int | None = self.stays.total

    @property
    def read(self) -> int:
        """Rows read so far."""
        return self.stays.rows_read

    @property
    def unmapped(self) -> Counter[str]:
        """How often the data set held something that the contract cannot express, by name."""
        return self.stays.unmapped

    def __iter__(self) -> Iterator[SourceRecord]:
        """All events, in time order."""
        try:
            for number, event in enumerate(self.stays, start=1):
                payload = to_json(event)
                yield SourceRecord(self.name, number, payload, decode(payload))
        except ClifError as error:
            raise UserError(str(error)) from error
