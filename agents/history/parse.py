"""What a message of the state or alert topic says; what is none of our business, or unreadable, has a named reason."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Literal

from pydantic import ValidationError

from agents.history.rows import TableRow
from schemas.alerts import Alert
from schemas.heartbeats import HEADER_OF_BUILD_0_1
from schemas.state import PatientState

MessageHeaders = Mapping[str, bytes | str | None]
NONE: MessageHeaders = {}
# A NUL may stand in JSON but not in a database's text: one odd bed name must not stop a ward's history.
NUL, REPLACED = b"\\u0000", b"\\ufffd"
Skipped = Literal["heartbeat", "tombstone", "unreadable", "no_log_offset"]


def read_state(value: bytes | None) -> PatientState | Skipped:
    """A patient's state. One without a log offset did not come out of the stream and has no place in its order."""
    if value is None:
        return "tombstone"
    try:
        state = PatientState.model_validate_json(value.replace(NUL, REPLACED))
    except ValidationError:
        return "unreadable"
    return "no_log_offset" if state.log_offset is None else state


def read_alert(value: bytes | None, headers: MessageHeaders = NONE) -> TableRow | Skipped:
    """One version of an alert, as a row."""
    found = {name: text(content) for name, content in headers.items()}
    if HEADER_OF_BUILD_0_1 in headers.items():
        return "heartbeat"
    if value is None:
        return "tombstone"
    try:
        alert = Alert.model_validate_json(value.replace(NUL, REPLACED))
        appended_ms = number(found.get("log_appended_ms"))
        place = {name: number(found.get(name)) for name in ("log_partition", "log_offset")}
    except ValueError:  # also pydantic's
        return "unreadable"
    appended_at = None if appended_ms is None else datetime.fromtimestamp(appended_ms / 1000, UTC)
    return alert_row(alert) | place | {"log_appended_at": appended_at}


def alert_row(alert: Alert) -> TableRow:
    """An alert as the table has it."""
    fields = alert.model_dump()
    written = alert.model_dump(mode="json", include={"evidence", "recommendation"})
    rule = fields.pop("rule")
    return fields | {
        "rule_id": rule["id"],
        "profile": rule["profile"],
        "profile_version": rule["profile_version"],
        "evidence": written["evidence"],
        "recommendation": written["recommendation"],
        "missing": list(fields.pop("unknown")),
    }


def text(content: bytes | str | None) -> str:
    """A header's content."""
    return content.decode("ascii", "replace") if isinstance(content, bytes) else content or ""


def number(content: str | None) -> int | None:
    """A header that is a whole number; ValueError when it is something else."""
    return int(content) if content else None
