"""Parses messages of patient-state and alerts; a message that is skipped gets a named reason."""

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
# JSON may contain a NUL, text in a database may not: one odd bed name must not stop the history of a ward.
NUL, REPLACED = b"\\u0000", b"\\ufffd"
Skipped = Literal["heartbeat", "tombstone", "unreadable", "no_log_offset"]


def read_state(value: bytes | None) -> PatientState | Skipped:
    """A patient's state. Without a log offset it cannot be ordered, and is skipped."""
    if value is None:
        return "tombstone"
    try:
        state = PatientState.model_validate_json(value.replace(NUL, REPLACED))
    except ValidationError:
        return "unreadable"
    return "no_log_offset" if state.log_offset is None else state


def read_alert(value: bytes | None, headers: MessageHeaders = NONE) -> TableRow | Skipped:
    """One version of an alert as a row. Heartbeats are skipped: build 0.1 wrote them to this topic."""
    found = {name: text(content) for name, content in headers.items()}
    if HEADER_OF_BUILD_0_1 in headers.items():
        return "heartbeat"
    if value is None:
        return "tombstone"
    try:
        alert = Alert.model_validate_json(value.replace(NUL, REPLACED))
        appended_ms = number(found.get("log_appended_ms"))
        place = {name: number(found.get(name)) for name in ("log_partition", "log_offset")}
    except ValueError:  # pydantic's ValidationError is one too
        return "unreadable"
    appended_at = None if appended_ms is None else datetime.fromtimestamp(appended_ms / 1000, UTC)
    return alert_row(alert) | place | {"log_appended_at": appended_at}


def alert_row(alert: Alert) -> TableRow:
    """An alert with the columns of the table."""
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
    """A header's content as text."""
    return content.decode("ascii", "replace") if isinstance(content, bytes) else content or ""


def number(content: str | None) -> int | None:
    """A header as an integer, None when it is missing or empty. Raises ValueError when it is no integer."""
    return int(content) if content else None
