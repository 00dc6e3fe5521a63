"""A record of the log as a line of JSON and back, byte for byte: from `verify --export` to `replay --from-log`.

    {"partition":0,"offset":17,"timestamp":1772438400000,"key":"p1","value":{"type":"vitals", …}}

`value`, by its JSON type: an object is the event, with the bytes of the record; a text is base64 of bytes that are no
JSON object on one line; null is a record without a value. `key`: the patient id as a text, {"base64": "…"} when it is
not UTF-8, null for a tick.
"""

from __future__ import annotations

from base64 import b64encode
from typing import Annotated, NamedTuple

import msgspec
from pydantic_core import from_json, to_json

from agents.engine.records import LOG_APPEND_TIME

LAST_TIMESTAMP = 253_402_300_799_999  # ms: the end of the year 9999
MAX_PARTITIONS = 4096  # as in the settings
EXPECTED = "expected a record of the log as `crs-monitor verify --export` writes it"


class LogLine(NamedTuple):
    """A record of the log with its partition. `timestamp`: ms since 1970, when the broker appended it, or -1."""

    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None

    @property
    def timestamp_type(self) -> int:
        """Whose clock the timestamp is: the broker's."""
        return LOG_APPEND_TIME


class LineError(ValueError):
    """A line that is not a record of the log. The message says what is wrong, and quotes nothing of it."""


class _Bytes(msgspec.Struct):
    base64: bytes


class _Line(msgspec.Struct):
    partition: Annotated[int, msgspec.Meta(ge=0, lt=MAX_PARTITIONS)]
    offset: Annotated[int, msgspec.Meta(ge=0)]
    timestamp: Annotated[int, msgspec.Meta(ge=-1, le=LAST_TIMESTAMP)]
    key: str | _Bytes | None
    value: msgspec.Raw


_LINES = msgspec.json.Decoder(_Line)


def encode_line(record: LogLine) -> bytes:
    """The line of a record, without a line end."""
    head = b'{"partition":%d,"offset":%d,"timestamp":%d,"key":' % record[:3]
    return head + _key_json(record.key) + b',"value":' + _value_json(record.value) + b"}"


def decode_line(line: bytes) -> LogLine:
    """The record of a line. Raises LineError."""
    try:
        found = _LINES.decode(line)
        key = found.key.base64 if isinstance(found.key, _Bytes) else found.key
        return LogLine(
            found.partition,
            found.offset,
            found.timestamp,
            key.encode() if isinstance(key, str) else key,
            _value_of(bytes(found.value)),
        )
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise LineError(f"{error}; {EXPECTED}") from error


def is_object_on_one_line(value: bytes) -> bool:
    """Whether a value is a JSON object that can be a part of a line as it is."""
    if not (value.startswith(b"{") and value.endswith(b"}")) or b"\n" in value or b"\r" in value:
        return False
    try:
        from_json(value, allow_inf_nan=False)
    except ValueError:
        return False
    return True


def _key_json(key: bytes | None) -> bytes:
    if key is None:
        return b"null"
    try:
        return to_json(key.decode())
    except UnicodeDecodeError:
        return b'{"base64":"%b"}' % b64encode(key)


def _value_json(value: bytes | None) -> bytes:
    if value is None:
        return b"null"
    return value if is_object_on_one_line(value) else b'"%b"' % b64encode(value)


def _value_of(written: bytes) -> bytes | None:
    """The bytes of a record's value. Raises ValueError."""
    if written.startswith(b"{"):
        return written
    if written.startswith(b'"'):
        return msgspec.json.decode(written, type=bytes)
    if written == b"null":
        return None
    raise ValueError("Expected an event (`object`), base64 (`str`) or `null` - at `$.value`")
