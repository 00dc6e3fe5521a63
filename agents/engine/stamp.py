"""What intake writes into the log for a message of a feed: type and time of arrival are added where it had none."""

from __future__ import annotations

from pydantic_core import from_json, to_json

from agents.engine.log_time import append_time
from agents.engine.records import LogRecord
from monitor.units import to_datetime
from schemas.decoded import Decoded
from schemas.events import Tick
from schemas.topics import EventType


def log_value(record: LogRecord, decoded: Decoded, event_type: EventType | None) -> bytes:
    """The value of the log's record; every byte as it came, but for what the models do not read as it is spelled.

    `event_type`: of the feed. Where the feed topic keeps the writer's clock, the time of arrival is left to the log.
    """
    value, event = decoded.respelled or record.value or b"", decoded.event
    assert not isinstance(event, Tick), "no feed brings ticks"
    if event.received_at is None and "received_at" in event.model_fields_set:
        # Null is the same as left out, and no field may stand in a message twice.
        value = to_json({name: one for name, one in from_json(value).items() if name != "received_at"})
    missing = b""
    if "type" not in event.model_fields_set:
        missing += b'"type":"%b",' % str(event_type).encode()
    arrived_at = append_time(record)
    if event.received_at is None and arrived_at is not None:
        missing += b'"received_at":"%b",' % to_datetime(arrived_at).isoformat().encode()
    return value if not missing else b"{" + missing + value[value.index(b"{") + 1 :]
