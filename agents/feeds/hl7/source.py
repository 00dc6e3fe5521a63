"""Files of HL7 v2 messages as a source of events."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import BinaryIO

from agents.feeds.hl7.context import context_of
from agents.feeds.hl7.files import messages_in
from agents.feeds.hl7.message import NotHl7, parse
from agents.feeds.hl7.translate import translate
from agents.feeds.translation.feed_files import FeedFiles
from agents.feeds.translation.memory import Memory
from agents.feeds.translation.outcome import Outcome
from agents.feeds.translation.settings import FeedSettings


class Hl7Files(FeedFiles):
    """HL7 v2 files, translated with one memory."""

    expected = "expected HL7 v2 messages"

    def __init__(self, paths: Sequence[str], settings: FeedSettings) -> None:
        """Opens the files. Raises UserError."""
        super().__init__(paths, "crs-monitor translate --from hl7 -")
        self.settings = settings
        self.memory = Memory()
        self.longest_bytes = settings.file.mllp.longest_bytes

    def messages_in(self, stream: BinaryIO) -> Iterator[bytes]:
        """The messages of one file; one that is too long is cut to one byte more than is allowed."""
        return messages_in(stream, self.longest_bytes)

    def sent_at(self, raw: bytes) -> int | None:
        """MSH-7."""
        try:
            received = context_of(parse(raw.split(b"\r", 1)[0]), self.settings, Outcome(), None).received
        except NotHl7:
            return None
        return None if received is None else received.ms

    def translate(self, raw: bytes) -> Outcome:
        """What one message says, after all before it."""
        if len(raw) > self.longest_bytes:
            outcome = Outcome()
            outcome.refuse("too_large", f"longer than {self.longest_bytes} bytes (mllp.longest_bytes)")
            return outcome
        return translate(raw, self.settings, self.memory)
