"""Files of FHIR resources, bundles or NDJSON as a source of events."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import BinaryIO

import msgspec

from agents.feeds.fhir.directory import Directory
from agents.feeds.fhir.elements import Element, Meta, Period
from agents.feeds.fhir.translate import Translation, resource_in
from agents.feeds.translation.feed_files import FeedFiles
from agents.feeds.translation.memory import Memory
from agents.feeds.translation.moments import Moment, fhir_moment
from agents.feeds.translation.outcome import Outcome
from agents.feeds.translation.settings import FeedSettings

BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class Sent(Element):
    """What says when a resource or bundle was sent."""

    meta: Meta | None = None
    timestamp: str | None = None
    effective_date_time: str | None = None
    effective_period: Period | None = None
    period: Period | None = None


class FhirFiles(FeedFiles):
    """FHIR files. All patients and medications of all files are known before the first event is made."""

    expected = "expected FHIR resources as JSON"

    def __init__(self, paths: Sequence[str], settings: FeedSettings) -> None:
        """Reads the files. Raises UserError."""
        super().__init__(paths, "crs-monitor translate --from fhir -")
        directory = Directory()
        self.translation = Translation(settings, Memory(), directory)
        self.split: dict[int, list[bytes]] = {}
        for stream in self.streams:
            self.split[id(stream)] = messages = messages_in(stream.read())
            for raw in messages:
                resource = resource_in(raw)
                if resource is not None:
                    directory.add(resource)

    def messages_in(self, stream: BinaryIO) -> Iterator[bytes]:
        """The resources and bundles of one file."""
        yield from self.split[id(stream)]

    def sent_at(self, raw: bytes) -> int | None:
        """The time of the last change, else the first that says when something was true."""
        try:
            sent = msgspec.json.decode(raw, type=Sent)
        except (msgspec.DecodeError, RecursionError):
            return None
        period = sent.effective_period or sent.period or Period()
        changed = sent.meta.last_updated if sent.meta is not None else None
        for written in (changed, sent.timestamp, sent.effective_date_time, period.start):
            found = fhir_moment(written) if written else None
            if isinstance(found, Moment):
                return found.ms
        return None

    def translate(self, raw: bytes) -> Outcome:
        """What one resource or bundle says, after all before it."""
        return self.translation.translate(raw)


def messages_in(data: bytes) -> list[bytes]:
    """The JSON values of a file: one, or one a line (bulk data). What is neither is one message, and none of FHIR."""
    data = data.removeprefix(BYTE_ORDER_MARK).strip()
    lines = [line.strip() for line in data.split(b"\n") if line.strip()]
    if len(lines) > 1 and any(resource_in(line) is not None for line in lines):
        return lines
    return [data] if data else []
