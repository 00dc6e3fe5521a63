"""The stays of a CLIF data set as a source of events, through the same door as everything else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from pydantic_core import to_json

from agents.feeds.clif import ClifError, ClifStays
from agents.feeds.ndjson import SourceRecord
from agents.platform.errors import UserError
from schemas.decode import decode


class ClifEvents:
    """Iterate for what the rows say. A line number is the number of the event in time order."""

    def __init__(self, directory: Path) -> None:
        """Raises UserError when the directory is not a CLIF data set."""
        try:
            self.stays = ClifStays(directory)
        except ClifError as error:
            raise UserError(str(error)) from error
        self.names = (directory.name or str(directory),)
        self.total: int | None = self.stays.total

    @property
    def read(self) -> int:
        """Rows so far."""
        return self.stays.rows_read

    @property
    def unmapped(self) -> Counter[str]:
        """What the data set says that the contract has no word for."""
        return self.stays.unmapped

    def __iter__(self) -> Iterator[SourceRecord]:
        """All events, in time order."""
        try:
            for number, said in enumerate(self.stays, start=1):
                payload = to_json(said)
                yield SourceRecord(self.names[0], number, payload, decode(payload))
        except ClifError as error:
            raise UserError(str(error)) from error
