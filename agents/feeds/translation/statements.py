"""What a message states, before it is known whether it was stated before: parts, grouped to one event to be sent."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, NamedTuple

from agents.feeds.translation.moments import Moment
from schemas.topics import EventType

Fields = dict[str, Any]
# Fields that several parts of one event fill together: a mapping by field, and a list of fields.
JOINED = frozenset({"upper_limits", "below_detection"})


class Part(NamedTuple):
    """One statement. `key`: what it is about, without its value. `fields` None: it is taken back.

    `corrected`: the sender says that an earlier value was wrong.
    """

    key: str
    fields: Fields | None
    corrected: bool = False


@dataclass(slots=True)
class Draft:
    """The statements of one message that make one event. `version`: of two statements the higher one stands.

    `common`: fields of the event that are no statement, as its source or device. `timeless`: a change of the time
    alone is no news.
    """

    type: EventType
    patient_id: str
    at: Moment
    received: Moment | None
    parts: list[Part]
    version: int | None = None
    common: Fields = field(default_factory=dict)
    timeless: bool = False


def joined(all_fields: Iterable[Mapping[str, Any]]) -> Fields:
    """The fields of several parts as those of one event."""
    together: Fields = {}
    for fields in all_fields:
        if not fields.keys() & JOINED:
            together.update(fields)
            continue
        for name, value in fields.items():
            if name == "upper_limits":
                together[name] = {**together.get(name, {}), **value}
            elif name == "below_detection":
                together[name] = [*together.get(name, ()), *value]
            else:
                together[name] = value
    return together


def first_id(event_type: str, keys: Iterable[str]) -> str:
    """The id of an event that is sent for the first time: what its statements are about, nothing else."""
    return digest([event_type, *sorted(keys)])


def later_id(keys: Iterable[str], fields: Fields | None, at: Moment, replaced: str) -> str:
    """The id of a correction or void: also its values, in whatever order, and the id that it replaces."""
    values = json.dumps(fields, sort_keys=True)
    return digest(["later", replaced, str(at.ms), values, *sorted(keys)])


def digest(texts: Iterable[str]) -> str:
    """32 hexadecimal digits of the texts; where one ends is part of it."""
    return blake2b("\x1e".join(texts).encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def event_of(draft: Draft, event_id: str, fields: Fields | None, replaces: str | None, common: Fields) -> Fields:
    """The event as an object; without fields a void, which needs no content beside its ids."""
    event: Fields = {
        "type": draft.type,
        "event_id": event_id,
        "patient_id": draft.patient_id,
        "effective_at": draft.at.text,
    }
    if draft.received is not None:
        event["received_at"] = max(draft.received, draft.at, key=lambda one: one.ms).text
    if replaces is not None:
        event["replaces"] = replaces
    event.update((name, value) for name, value in common.items() if value is not None)
    if fields is None:
        event["status"] = "entered_in_error"
    else:
        event.update(fields)
    return event
