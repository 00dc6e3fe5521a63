"""From drafts to events: what is implausible is set aside, the rest goes through memory, and is decoded again."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from pydantic_core import to_json

from agents.feeds.translation.memory import Memory
from agents.feeds.translation.outcome import Outcome, Translated
from agents.feeds.translation.statements import Draft, Fields, Part, event_of, first_id, joined
from schemas.decode import decode
from schemas.decoded import Refused


def deliver(drafts: Iterable[Draft], memory: Memory, outcome: Outcome) -> None:
    """Adds the events of these drafts to the outcome; what the contract refuses becomes a dead letter."""
    for draft in drafts:
        fresh = plausible(draft, outcome)
        if fresh is None:
            continue
        if fresh.translated is not None and memory.is_fresh(draft):
            memory.remember(draft, fresh.event_id)
            outcome.events.append(fresh.translated)
            continue
        for event in memory.take(draft, outcome):
            send(event, outcome)


class Fresh(NamedTuple):
    """The event that a draft makes when nothing of it was stated before, encoded and decoded once; none for a void."""

    event_id: str
    translated: Translated | None


def plausible(draft: Draft, outcome: Outcome) -> Fresh | None:
    """The draft as a fresh event; takes its implausible values out of it. None when it cannot be an event at all."""
    stated = {part.key: part.fields for part in draft.parts if part.fields is not None}
    if not stated:
        return Fresh("", None)
    event_id = first_id(draft.type, stated)
    event = event_of(draft, event_id, joined(stated.values()), None, draft.common)
    payload = to_json(event)
    decoded = decode(payload)
    if isinstance(decoded, Refused):
        outcome.refuse(decoded.reason, decoded.detail)
        return None
    if not decoded.implausible:
        return Fresh(event_id, Translated(payload, decoded))
    for signal in decoded.implausible:
        outcome.refuse("implausible_value", signal.detail)
        draft.parts = [without(part, signal.signal) for part in draft.parts]
    draft.parts = [part for part in draft.parts if part.fields is None or has_content(part.fields)]
    return plausible(draft, outcome)


def without(part: Part, field: str) -> Part:
    """The statement without one of its fields, and without what is about that field."""
    if part.fields is None or field not in part.fields:
        return part
    fields = {name: value for name, value in part.fields.items() if name not in (field, f"{field.split('_')[0]}_unit")}
    if "upper_limits" in fields:
        fields["upper_limits"] = {name: limit for name, limit in fields["upper_limits"].items() if name != field}
    if "below_detection" in fields:
        fields["below_detection"] = [name for name in fields["below_detection"] if name != field]
    return part._replace(fields=fields)


def has_content(fields: Fields) -> bool:
    """Whether anything is left to state: the site of a temperature, or a limit, is nothing by itself."""
    return any(name not in ("temperature_site", "upper_limits", "below_detection") for name in fields)


def send(event: Fields, outcome: Outcome) -> None:
    """Adds one event. A correction may make a whole that is implausible: then what is left of it is sent."""
    payload = to_json(event)
    decoded = decode(payload)
    if isinstance(decoded, Refused):
        outcome.refuse(decoded.reason, decoded.detail)
        return
    if not decoded.implausible:
        outcome.events.append(Translated(payload, decoded))
        return
    for signal in decoded.implausible:
        outcome.refuse("implausible_value", signal.detail)
        event.pop(signal.signal, None)
    send(event, outcome)
