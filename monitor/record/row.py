"""A patient's row in the table: version, log position, a rolling digest of what was applied, and the state.

The state is packed by position (MessagePack arrays) and compressed (LZ4), so a row is small; it is read back typed, so
a damaged row is refused, not guessed. Decision 0003 has the sizes and speeds of other ways.

A build that needs a new field puts it, with a default, at the end of its named tuple; in `State`, before
`unknown_fields`. Then builds on both sides of the change read each other's rows (decision 0029): a field of `State`
that is not known is kept in `unknown_fields` and written back, one further in is left out (other_builds.py). VERSION
counts layouts that are no such addition; CONVERSIONS brings the fields of an earlier one into the places of the next.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import msgspec
from lz4.block import LZ4BlockError, compress, decompress

from monitor.model import Course, HeldGrade, State
from monitor.record.other_builds import read_as
from monitor.record.version_2 import to_version_3
from schemas.state import SCALE_NAMES

VERSION = 3
# By version: the fields of a state of that version, decoded, in the places of the next version.
CONVERSIONS: Mapping[int, Callable[[list[Any]], list[Any]]] = {2: to_version_3}
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
# The first bytes of a state with as many fields as ours: msgspec alone would take one field more or less for ours.
_AS_MANY_FIELDS = _encoder.encode([None] * (FIELDS + 1))[: -(FIELDS + 1)]
EMPTY_DIGEST = bytes(DIGEST_BYTES)


def encode(row: Row) -> bytes:
    """The row as bytes."""
    v, log_offset, digest, state = row
    return _encoder.encode((v, log_offset, digest, compress(_encoder.encode(state))))


def decode(payload: bytes) -> Row:
    """The row from bytes, of whatever build. Raises RowError when it is damaged or does not fit."""
    try:
        v, log_offset, digest, packed = _outer.decode(payload)
        if int.from_bytes(packed[:4], "little") > STATE_BYTES:
            raise RowError("not a row: its state is larger than any")
        unpacked = decompress(packed)
    except RowError:
        raise
    except (msgspec.MsgspecError, LZ4BlockError, IndexError, TypeError, ValueError) as damage:
        raise RowError(f"not a row: {damage}") from damage
    return Row(VERSION, log_offset, digest, _on_all_scales(_state_of(v, unpacked)))


def _state_of(v: int, unpacked: bytes) -> State:
    """The state: at once if this build wrote it, otherwise by the types of the model."""
    if v == VERSION and unpacked.startswith(_AS_MANY_FIELDS):
        try:
            return _state.decode(unpacked)
        except msgspec.MsgspecError:
            pass  # A field further in that this build does not know, or a value of a closed set; or damage.
    try:
        return _of_another_build(v, _fields.decode(unpacked))
    except (msgspec.MsgspecError, IndexError, TypeError, ValueError, RecursionError) as damage:
        raise RowError(f"row version {v}, this build writes {VERSION}: {damage}: run `crs-monitor rebuild`") from damage


def _of_another_build(v: int, fields: list[Any]) -> State:
    """The state of another build, its fields brought to their places.

    What the writer kept without knowing it (the last field) follows its own fields, as it did where it came from. What
    this build does not know in turn becomes unknown fields; what is missing has its default.
    """
    for earlier, convert in sorted(CONVERSIONS.items()):
        if v <= earlier:
            fields = convert(fields)
    *own, kept = fields
    if type(kept) is not list:
        raise TypeError("its last field is no list")
    in_order = [*own, *kept]
    state: State = read_as(State, in_order[:FIELDS])
    return state._replace(unknown_fields=tuple(in_order[FIELDS:]))


def _on_all_scales(state: State) -> State:
    """The state with a grade on each scale of this build: none yet on one that its writer did not know."""
    if len(state.course.grades) == len(SCALE_NAMES):
        return state
    return state._replace(
        checkpoint=_course_on_all_scales(state.checkpoint),
        course=_course_on_all_scales(state.course),
        recent_courses=tuple(map(_course_on_all_scales, state.recent_courses)),
    )


def _course_on_all_scales(course: Course) -> Course:
    return course._replace(grades=(*course.grades, *(HeldGrade(),) * len(SCALE_NAMES))[: len(SCALE_NAMES)])
