"""Which messages are parsed, and the reason for each one that is skipped."""

from __future__ import annotations

import pytest

from agents.history.parse import read_alert, read_state
from schemas.state import PatientState
from tests.history.topic_messages import fever, published

MESSAGES = published([fever("10:00", 38.6)])
STATE = next(m.value for m in MESSAGES if m.kind == "state")
ALERT = next(m for m in MESSAGES if m.kind == "alert")


def test_a_state_and_an_alert_are_read() -> None:
    state, alert = read_state(STATE), read_alert(ALERT.value, ALERT.headers)
    assert isinstance(state, PatientState)
    assert isinstance(alert, dict)
    assert (alert["kind"], alert["version"], alert["log_partition"]) == ("onset", 1, 0)
    assert alert["log_appended_at"] == alert["raised_at"]


def test_an_alert_without_headers_is_kept_without_its_place() -> None:
    alert = read_alert(ALERT.value)
    assert isinstance(alert, dict)
    assert alert["log_offset"] is None


@pytest.mark.parametrize(
    ("value", "headers", "reason"),
    [
        (b'{"heartbeat": 3, "at": "2026-05-01T10:00:00Z"}', {"kind": b"heartbeat"}, "heartbeat"),
        (None, {}, "tombstone"),
        (b"not json", {}, "unreadable"),
        (b"\xff\xfe", {}, "unreadable"),
        (b'{"alert_id": "a"}', {}, "unreadable"),
        (ALERT.value, {"log_offset": b"far"}, "unreadable"),
    ],
)
def test_a_message_that_is_no_alert_is_skipped_with_a_reason(
    value: bytes | None, headers: dict[str, bytes | str | None], reason: str
) -> None:
    assert read_alert(value, headers) == reason


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "tombstone"),
        (b"[]", "unreadable"),
        (STATE.replace(b'"log_offset":0', b'"log_offset":null'), "no_log_offset"),
    ],
)
def test_a_message_that_is_no_state_is_skipped_with_a_reason(value: bytes | None, reason: str) -> None:
    assert read_state(value) == reason


def test_a_nul_in_a_name_does_not_reach_the_database() -> None:
    state = read_state(STATE.replace(b'"unit":null', b'"unit":"ICU\\u0000"'))
    assert isinstance(state, PatientState)
    assert state.context.unit == "ICU\ufffd"
