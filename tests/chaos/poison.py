"""Invalid messages, each with the reason for which it must be refused."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

GOOD: dict[str, Any] = {"patient_id": "poisoned", "effective_at": "2026-03-01T10:00:00Z", "spo2_percent": 97}
REFUSED: tuple[tuple[bytes, str], ...] = (
    (b"", "empty"),
    (b'{"event_id": "x", "patient_id":', "not_json"),
    (b"\xff\xfe{}", "not_utf8"),
    (b'{"event_id": "\xc3\x28"}', "not_utf8"),
    (b"[" * 50_000 + b"]" * 50_000, "too_large"),
    (b"[" * 20_000 + b"]" * 20_000, "too_deep"),
    (b"[1, 2]", "not_an_object"),
    (b"null", "not_an_object"),
    (b"NaN", "not_an_object"),
    (b"{" + b'"a": 1' + b" " * (1 << 20 - 1) + b"}", "too_large"),
    (json.dumps(GOOD | {"event_id": "p1", "spo2_percent": "97"}).encode(), "wrong_type"),
    (json.dumps(GOOD | {"event_id": "p2", "spo2_percent": float("nan")}).encode(), "not_finite"),
    (json.dumps(GOOD | {"event_id": "p3", "effective_at": "2026-03-01T10:00:00"}).encode(), "naive_time"),
    (json.dumps(GOOD | {"event_id": "p4", "effective_at": 12}).encode(), "wrong_type"),
    (json.dumps(GOOD | {"event_id": "p5", "type": "potassium"}).encode(), "unknown_type"),
    (json.dumps(GOOD | {"event_id": "p6", "type": "tick"}).encode(), "wrong_topic"),
    (json.dumps(GOOD | {"event_id": "p7", "consciousness": "dreamy"}).encode(), "unknown_value"),
    (json.dumps(GOOD).encode(), "missing_field"),
    (json.dumps(GOOD | {"event_id": "e" * 200}).encode(), "wrong_length"),
    (
        b'{"event_id": "p8", "patient_id": "p", "effective_at": "2026-03-01T10:00:00Z", "spo2_percent": 1e999}',
        "not_finite",
    ),
    (
        b'{"event_id": "p9", "patient_id": "p", "effective_at": "2026-03-01T10:00:00Z", "ice_score": '
        + b"9" * 5000
        + b"}",
        "not_finite",
    ),
)
# Keys that feeds have written; a dead letter keeps them as long as it fits into a message.
KEYS = (b"poison", b"\xff\xfe", b"", b"k" * 800_000, b"k" * 1_100_000)
# Unusual messages: they may be applied or refused, but must not disturb any others.
STRANGE: tuple[bytes, ...] = (
    b'{"event_id": "\\ud800", "patient_id": "p", "effective_at": "2026-03-01T10:00:00Z", "spo2_percent": 97}',
    b'{"event_id": "s1", "patient_id": "\\ud800", "effective_at": "2026-03-01T10:00:00Z", "spo2_percent": 97}',
    b'{"event_id": "s2", "patient_id": "\\u0000marker", "effective_at": "2026-03-01T10:00:00Z", "spo2_percent": 97}',
    b'{"event_id": "s3", "patient_id": "p", "effective_at": "9999-12-31T23:59:59Z", "spo2_percent": 97}',
    b'{"event_id": "s4", "patient_id": "p", "effective_at": "0001-01-01T00:00:00Z", "spo2_percent": 97}',
    b'{"event_id": "s5", "patient_id": "p", "effective_at": "2026-03-01T10:00:00+23:59", "spo2_percent": 97}',
    b' \n {"event_id": "s6", "patient_id": "p", "effective_at": "2026-03-01T10:00:00Z", "spo2_percent": 97}',
    b'\xef\xbb\xbf{"event_id": "s7", "patient_id": "p", "effective_at": "2026-03-01T10:00:00Z", "spo2_percent": 97}',
    b'{"event_id": "s8", "event_id": "s9", "patient_id": "p", "effective_at": "2026-03-01T10:00:00Z", "ice_score": 9}',
    b'{"event_id": "s10", "patient_id": "p", "type": "vitals", "type": "vitals", '
    b'"effective_at": "2026-03-01T10:00:00Z", "spo2_percent": 97}',
)


def doses(times: int) -> Iterator[tuple[bytes, str | None]]:
    """All of them, `times` over. The reason is None where any disposition is right."""
    for _ in range(times):
        yield from REFUSED
        yield from ((value, None) for value in STRANGE)
