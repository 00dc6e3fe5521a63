"""What intake adds to a feed's message before it goes into the log: the event type and the time of arrival."""

from __future__ import annotations

from typing import Any

from pydantic_core import from_json, to_json

from monitor.units import to_datetime
from schemas.topics import EventType


def stamped(value: bytes, event: Any, event_type: EventType | None, arrived_ms: int) -> bytes:
    """The message with `type` and `received_at` where it had none; every other byte as it came.

    `value`: a JSON object. `event`: the same, decoded. `arrived_ms`: ms since 1970, when the feed topic got it.
    """
    if event.received_at is None and "received_at" in event.model_fields_set:
        # Null is the same as left out, and no field may stand in a message twice.
        value = to_json({name: one for name, one in from_json(value).items() if name != "received_at"})
    missing = b""
    if "type" not in event.model_fields_set:
        missing += b'"type":"%b",' % str(event_type).encode()
    if event.received_at is None:
        missing += b'"received_at":"%b",' % to_datetime(arrived_ms).isoformat().encode()
    return value if not missing else b"{" + missing + value[value.index(b"{") + 1 :]
