"""Recorded ICU stays moved in time: all of them begin now, and run faster than they did."""

from __future__ import annotations

from collections.abc import Iterable

from pydantic_core import from_json

from agents.feeds.source import EventSource
from agents.platform.json_types import Json
from agents.simulation.story import TimedEvent, TimedStory, rename, run_name, to_iso, to_ms

# Admissions are spread, or all charting of the same hour of each stay would come in one burst.
ADMISSIONS_OVER_MS = 60_000


def recorded(source: EventSource) -> list[Json]:
    """The events of a source, as JSON objects. Raises UserError when it cannot be read."""
    return [from_json(record.payload) for record in source]


def starting_now(events: Iterable[Json], start_ms: int, speed_up: float) -> TimedStory:
    """Each stay from its first event on, `speed_up` times faster; all of them side by side."""
    begins: dict[str, tuple[int, int]] = {}
    story = []
    for event in events:
        at_ms = to_ms(event["effective_at"])
        first_ms, number = begins.setdefault(event["patient_id"], (at_ms, len(begins)))
        story.append((at_ms - first_ms, number, event))
    spread_ms = ADMISSIONS_OVER_MS / max(1, len(begins))
    due = [TimedEvent(round(start_ms + number * spread_ms + since / speed_up), event) for since, number, event in story]
    due.sort(key=lambda each: each.at_ms)
    run = run_name(start_ms)
    for each in due:
        at_ms = to_ms(each.event["effective_at"])
        if "infused_at" in each.event:
            earlier_ms = at_ms - to_ms(each.event["infused_at"])
            each.event["infused_at"] = to_iso(each.at_ms - earlier_ms / speed_up)
        rename(each.event, "stay", run)
        each.event["effective_at"] = each.event["received_at"] = to_iso(each.at_ms)
        yield each
