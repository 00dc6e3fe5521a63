"""Messages for the tests of the wire: a good one, and what differs."""

from __future__ import annotations

import json

HEADER = '"event_id":"e1","patient_id":"p1","effective_at":"2026-03-01T10:00:00Z"'


def message(event_type: str | None, **fields: object) -> bytes:
    """An event of `event_type` (None: left out) with these fields, as compact JSON."""
    first = {"type": event_type} if event_type else {}
    return json.dumps(first | json.loads("{" + HEADER + "}") | fields, separators=(",", ":")).encode()
