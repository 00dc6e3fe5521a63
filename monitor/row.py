"""A patient's row in the table: version, log position, a rolling digest of what was applied, and the state.

Packed by position (MessagePack arrays), so a row is small; read back typed, so a damaged row is refused, not guessed.

A build that must remember more puts a field with a default at the end of `State`, before `later`, and counts VERSION
up. It reads the rows of the version before; and a build of the version before reads its rows, too: what it cannot
understand it carries along in `later`, and hands it back. So workers of two versions may share a table for a while.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Any, NamedTuple

import msgspec

from monitor.state import State

VERSION = 1
FIELDS = len(State._fields) - 1  # without `later`
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
_any_decoder = msgspec.msgpack.Decoder()
EMPTY_DIGEST = bytes(DIGEST_BYTES)


def encode(row: Row) -> bytes:
    """The row as bytes."""
    state = row.state
    shared = len(state.base.doses)
    if shared and state.course.doses[:shared] == state.base.doses:
        state = state._replace(base=state.base._replace(doses=()), shared_doses=shared)
    return _encoder.encode((row.v, row.log_offset, row.digest, state))


def decode(payload: bytes) -> Row:
    """The row from bytes. Raises RowError for what is no row, or of a version this build does not read."""
    try:
        row = _decoder.decode(payload)
    except msgspec.DecodeError as error:
        row = _of_another_version(payload, error)
    if row.v != VERSION:
        row = _of_another_version(payload, None)
    shared = row.state.shared_doses
    if shared:
        state = row.state
        base = state.base._replace(doses=state.course.doses[:shared])
        return row._replace(state=state._replace(base=base, shared_doses=0))
    return row


def _of_another_version(payload: bytes, error: Exception | None) -> Row:
    """The row of the version before or after this one, its fields brought to their places."""
    try:
        v, log_offset, digest, fields = _any_decoder.decode(payload)
        if v == VERSION:
            raise RowError(f"not a row of this version: {error}") from error
        if v not in (VERSION - 1, VERSION + 1):
            known = f"this build reads {VERSION - 1} to {VERSION + 1}"
            raise RowError(f"row version {v}, {known}: run `crs-monitor rebuild`")
        state = msgspec.convert(_placed(v, fields), State)
        return Row(VERSION, *msgspec.convert((log_offset, digest), tuple[int, bytes]), state)
    except RowError:
        raise
    except (msgspec.MsgspecError, IndexError, TypeError, ValueError) as damage:
        raise RowError(f"not a row: {damage}") from damage


def _placed(v: int, fields: list[Any]) -> list[Any]:
    """The fields of a state in this version's places.

    Of the version before: what it carried along is ours; what is missing has its default. Of the version after: what
    is new is carried along.
    """
    if v < VERSION:
        return [*fields[:-1], *fields[-1]][:FIELDS]
    return [*fields[:FIELDS], [*fields[FIELDS:-1], *fields[-1]]]


def roll(digest: bytes, log_offset: int, event_id: str) -> bytes:
    """The digest after one more applied event."""
    return blake2b(
        b"%b%d %b" % (digest, log_offset, event_id.encode("utf-8", "surrogatepass")), digest_size=DIGEST_BYTES
    ).digest()
