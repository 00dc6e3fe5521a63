"""Dead letters: messages that could not be used, kept whole with the reason, to be corrected and sent again."""

from __future__ import annotations

from base64 import b64decode, b64encode
from datetime import datetime
from typing import Literal, NamedTuple

from pydantic import AwareDatetime, Field

from schemas.field_types import Wire

PAYLOAD_LIMIT_BYTES = 64 * 1024

DeadLetterReason = Literal[
    # The bytes.
    "empty",
    "too_large",
    "not_utf8",
    "not_json",
    "too_deep",
    "not_an_object",
    # What kind of event it is.
    "unknown_type",
    "wrong_topic",
    "reserved",
    # Its fields.
    "missing_field",
    "wrong_type",
    "wrong_length",
    "not_a_time",
    "naive_time",
    "not_finite",
    "unknown_value",
    "implausible_value",
    # Its values.
    "no_signal",
    "void_without_replaces",
    "refers_to_itself",
    "from_the_future",
    # What is known of the patient.
    "id_reused",
    "ambiguous_id",
    "merge_not_undone",
    # A defect of this system: the event was valid and could not be judged.
    "defect",
]


class Origin(NamedTuple):
    """Where a message lay, and when it got there. From a file: no topic, the line number as offset."""

    topic: str | None
    partition: int | None
    offset: int | None
    received_at: datetime


class DeadLetter(Wire):
    """A message that was refused, or of which one signal was. Its Kafka key is the message's own."""

    reason: DeadLetterReason = Field(description="Why, from a closed set.")
    detail: str = Field(description="The field and what is wrong with it, in words; never a value or a patient.")
    topic: str | None = Field(None, description="Full name of the topic it came from; null: a file.")
    partition: int | None = Field(None, ge=0, description="Partition it came from.")
    offset: int | None = Field(None, ge=0, description="Its offset there, or its line number in a file.")
    payload: str = Field(description="The original bytes in base64, cut at 64 KiB of them.")
    received_at: AwareDatetime = Field(description="Log time at which we had it.")

    def original(self) -> bytes:
        """The bytes that were refused, at most 64 KiB of them."""
        return b64decode(self.payload)


def dead_letter(reason: DeadLetterReason, detail: str, payload: bytes | None, origin: Origin) -> DeadLetter:
    """The dead letter of `payload`, which was read at `origin`."""
    return DeadLetter(
        reason=reason,
        detail=detail,
        topic=origin.topic,
        partition=origin.partition,
        offset=origin.offset,
        payload=b64encode((payload or b"")[:PAYLOAD_LIMIT_BYTES]).decode("ascii"),
        received_at=origin.received_at,
    )
