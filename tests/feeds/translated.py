"""What a translation gave, and what a case expects of it, in a form that can be compared."""

from __future__ import annotations

import json
from typing import Any

from agents.feeds.translation.outcome import Outcome

# Fields that most cases do not mention, with what they then are.
USUAL = {"patient_id": "4711", "effective_at": "2026-03-01T10:00:00+00:00", "received_at": "2026-03-01T12:00:00+00:00"}


def events_of(outcome: Outcome) -> list[dict[str, Any]]:
    """The events as objects."""
    return [json.loads(one.payload) for one in outcome.events]


def expected_event(want: dict[str, Any], got: dict[str, Any]) -> dict[str, Any]:
    """What a case expects, filled up with what it does not mention."""
    filled = {**USUAL, "event_id": got["event_id"], **want}
    if want.get("received_at") in ("none", "*"):
        filled.pop("received_at")
    if want.get("received_at") == "*" and "received_at" in got:
        filled["received_at"] = got["received_at"]
    if want.get("replaces") == "*":
        filled["replaces"] = got.get("replaces", "missing")
    return filled


def named_ids(wanted: list[dict[str, Any]], events: list[dict[str, Any]], letters: str) -> list[dict[str, Any]]:
    """What a case expects, with the ids for which its letters stand: one letter, one id."""
    ids = {letter: event["event_id"] for letter, event in zip(letters, events, strict=False)}
    assert len(set(ids.values())) == len(ids), "two letters have the same id"
    return [{**want, "replaces": ids[want["replaces"]]} if want.get("replaces") in ids else want for want in wanted]
