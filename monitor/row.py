"""A patient's row in the table: version, log position, a rolling digest of what was applied, and the state.

Packed by position (MessagePack arrays), so a row is small; read back typed, so a damaged row is refused, not guessed.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import NamedTuple

import msgspec

from monitor.state import State

VERSION = 1
DIGEST_BYTES = 8


class Row(NamedTuple):
    """What the table keeps for one patient."""

    v: int
    log_offset: int
    digest: bytes
    state: State


class RowError(ValueError):
    """A row cannot be read; the message says why."""


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Row)
EMPTY_DIGEST = bytes(DIGEST_BYTES)


def encode(row: Row) -> bytes:
    """The row as bytes; the cache of the state is left out."""
    return _encoder.encode(row)


def decode(payload: bytes) -> Row:
    """The row from bytes. Raises RowError for what is no row, or of a version this build does not read."""
    try:
        row = _decoder.decode(payload)
    except msgspec.DecodeError as error:
        raise RowError(f"not a row of this version: {error}") from error
    if row.v != VERSION:
        raise RowError(f"row version {row.v}, this build reads {VERSION}: run `crs-monitor rebuild`")
    return row


def roll(digest: bytes, log_offset: int, event_id: str) -> bytes:
    """The digest after one more applied event."""
    return blake2b(
        b"%b%d %b" % (digest, log_offset, event_id.encode("utf-8", "surrogatepass")), digest_size=DIGEST_BYTES
    ).digest()
