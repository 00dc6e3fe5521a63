"""A partition's sign of life: written by watch after a tick was judged, read by dispatch, board and intake.

A heartbeat proves the whole path of a partition: ticker, log, watch. It also says which log format its writer can read,
so that intake of any worker knows which events all workers can read. Build 0.1 wrote it to `crs.alerts`, with a
header of its own and the field `heartbeat` instead of `partition`; readers accept that form too, so that dispatch and
board can be updated before the workers.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from pydantic import AliasChoices, Field, ValidationError

from schemas.field_types import Wire
from schemas.instants import Instant
from schemas.log_format import FIRST_LOG_FORMAT

HEARTBEAT_SECONDS = 10.0
HEADER_OF_BUILD_0_1 = ("kind", b"heartbeat")


class Heartbeat(Wire):
    """Partition `partition` of the log was judged up to the tick of `at` (log time)."""

    partition: Annotated[int, Field(ge=0, validation_alias=AliasChoices("partition", "heartbeat"))]
    at: Instant
    log_format: Annotated[int, Field(ge=FIRST_LOG_FORMAT)] = Field(
        FIRST_LOG_FORMAT, description="What the writer can read from the log (schemas/log_format.py)."
    )


def read_heartbeat(value: bytes | None) -> Heartbeat | None:
    """The heartbeat in a message; None when it is none."""
    try:
        return Heartbeat.model_validate_json(value or b"")
    except ValidationError:
        return None


def is_heartbeat_of_build_0_1(headers: Iterable[tuple[str, bytes | None]] | None) -> bool:
    """Whether a message on `crs.alerts` is no alert but a heartbeat of build 0.1."""
    return HEADER_OF_BUILD_0_1 in (headers or ())
