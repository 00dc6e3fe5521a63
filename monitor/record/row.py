"""A patient's row in the table: version, log position, a rolling digest of what was applied, and the state.

The state is packed by position (MessagePack arrays) and compressed (LZ4), so a row is small; it is read back typed, so
a damaged row is refused, not guessed. Decision 0003 has the sizes and speeds of other ways.

A build that needs a new field puts it, with a default, at the end of `State`, before `unknown_fields`, and increases
VERSION. It reads the rows of the version before. A build of the version before reads its rows, too: fields that it does
not know are kept in `unknown_fields` and written back. So workers of two versions may share a table for a while.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec
from lz4.block import LZ4BlockError, compress, decompress

from monitor.model import State

VERSION = 2
FIELDS = len(State._fields) - 1  # without `unknown_fields`
DIGEST_BYTES = 8
STATE_BYTES = 1 << 24  # unpacked; far above what any patient's state takes


class Row(NamedTuple):
    """What the table keeps for one patient."""

    v: int
    log_offset: int
    digest: bytes
    state: State


class RowError(ValueError):
    """A row cannot be read; the message says why."""


_encoder = msgspec.msgpack.Encoder()
_outer = msgspec.msgpack.Decoder(tuple[int, int, bytes, bytes])
_state = msgspec.msgpack.Decoder(State)
_fields = msgspec.msgpack.Decoder(list[Any])
EMPTY_DIGEST = bytes(DIGEST_BYTES)


def encode(row: Row) -> bytes:
    """The row as bytes."""
    v, log_offset, digest, state = row
    return _encoder.encode((v, log_offset, digest, compress(_encoder.encode(state))))


def decode(payload: bytes) -> Row:
    """The row from bytes. Raises RowError when it is damaged, or of a version that this build does not read."""
    try:
        v, log_offset, digest, packed = _outer.decode(payload)
        if v not in (VERSION - 1, VERSION, VERSION + 1):
            known = f"this build reads {VERSION - 1} to {VERSION + 1}"
            raise RowError(f"row version {v}, {known}: run `crs-monitor rebuild`")
        if int.from_bytes(packed[:4], "little") > STATE_BYTES:
            raise RowError("not a row: its state is larger than any")
        unpacked = decompress(packed)
        state = _state.decode(unpacked) if v == VERSION else _of_another_version(v, unpacked)
        return Row(VERSION, log_offset, digest, state)
    except RowError:
        raise
    except (msgspec.MsgspecError, LZ4BlockError, IndexError, TypeError, ValueError) as damage:
        raise RowError(f"not a row: {damage}") from damage


def _of_another_version(v: int, unpacked: bytes) -> State:
    """The state of the version before or after this one, its fields brought to their places."""
    return msgspec.convert(_placed(v, _fields.decode(unpacked)), State)


def _placed(v: int, fields: list[Any]) -> list[Any]:
    """The fields of a state in this version's places.

    Of the version before: the unknown fields that it kept are ours; what is missing has its default. Of the version
    after: what is new becomes unknown fields.
    """
    if v < VERSION:
        return [*fields[:-1], *fields[-1]][:FIELDS]
    return [*fields[:FIELDS], [*fields[FIELDS:-1], *fields[-1]]]
