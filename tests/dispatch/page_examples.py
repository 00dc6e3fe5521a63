"""Builds pages as paging would order them, for tests of queues and pagers."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from agents.dispatch.page import Page
from agents.dispatch.public_alert import PublicAlert

AT = datetime(2026, 3, 4, 10, 0, tzinfo=UTC)


def page(act: str = "open", cause: str = "raised", key: str = "a1", destination: str = "pager", **given: Any) -> Page:
    """One page; `given` are fields of its alert, or of the page itself."""
    own = {name: given.pop(name) for name in ("repeat", "primary", "level", "order") if name in given}
    fields: dict[str, Any] = {
        "alert_id": key.partition(":")[0],
        "version": 1,
        "status": "raised",
        "kind": "escalation",
        "priority": "high",
        "grade": 2,
        "raised_at": AT,
        "reference": "5f1c",
        "unit": "7A",
        "bed": "12",
    } | given
    return Page(destination, act, cause, key, PublicAlert(**fields), **({"level": fields["priority"]} | own))  # type: ignore[arg-type]
