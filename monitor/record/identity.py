"""Which entry an event is: ids are unique per patient, type and source; a repeat has the same content.

A fact keeps its event's key: the event id, and behind a separator the source where it is not the type's usual one.
"""

from __future__ import annotations

from hashlib import blake2b
from operator import attrgetter, itemgetter
from typing import NamedTuple
from zlib import crc32

from msgspec.msgpack import Encoder

from monitor.fact_types import SEPARATOR, Facts
from monitor.model import State
from schemas.events import PatientEventType, Vitals

USUAL_SOURCE: dict[str, str] = {"vitals": "monitor", "medication": "record"}
# The kinds of facts that an event of a type can leave.
KINDS: dict[str, tuple[str, ...]] = {
    "vitals": ("vitals",),
    "medication": ("medications",),
    "patient": ("contexts", "infusions"),
    "assessment": ("statements",),
    "labs": (),
}
NOT_CONTENT = frozenset({"received_at", "patient_id", "merged_from"})
_encode = Encoder().encode
_rest_of_vitals = itemgetter(
    "replaces",
    "temperature_site",
    "heart_rate_per_min",
    "respiratory_rate_per_min",
    "diastolic_mmhg",
    "capd_score",
)
_known_fields: dict[type, attrgetter[tuple[object, ...]]] = {}
REBUILD_BYTES = 8 * 1024


class Target(NamedTuple):
    """The entry that an event replaces. `is_bound`: it is known; else it is yet to come, from whatever source."""

    key: str
    is_bound: bool


def source_of(event: PatientEventType) -> str:
    """The source of an event: its device, else its source, else nothing."""
    return getattr(event, "device_id", None) or getattr(event, "source", None) or ""


def key_of(event: PatientEventType) -> str:
    """The key of an event among those of its type."""
    return key(event.type, event.event_id, source_of(event))


def key(event_type: str, event_id: str, source: str) -> str:
    """The key of an event id of a source."""
    return event_id if source in ("", USUAL_SOURCE.get(event_type)) else f"{event_id}{SEPARATOR}{source}"


def plain_id(key: str) -> str:
    """The event id in a key."""
    return key.partition(SEPARATOR)[0]


def content_of(event: PatientEventType) -> int:
    """A checksum of every known field but the arrival and whose record it is in, never 0; times by their instants."""
    kind = type(event)
    fields = _known_fields.get(kind)
    if fields is None:
        fields = _known_fields[kind] = attrgetter(*(name for name in kind.model_fields if name not in NOT_CONTENT))
    return crc32(_encode(fields(event))) or 1


def rest_of_vitals(event: Vitals) -> int:
    """A checksum, 1 to 127, of what an observation's fact does not hold: a row has hundreds of them."""
    return 1 + crc32(_encode(_rest_of_vitals(event.__dict__))) % 127


def hashed(event_type: str, key: str) -> bytes:
    """A key among all types, in 8 bytes."""
    return blake2b(f"{event_type}|{key}".encode("utf-8", "surrogatepass"), digest_size=8).digest()


class KnownIds:
    """Whether an observation's key may be among those of a patient's facts: quick, and never wrong about a no.

    A cache of the patient's state that only grows, so it may be kept from one state to the next: what has left the
    facts gives a yes that the full way then looks into.
    """

    __slots__ = ("_hashes",)

    def __init__(self) -> None:
        self._hashes = bytearray()

    def forget(self) -> None:
        """To be worked out anew: something else than an observation came, and may have changed the facts."""
        self._hashes.clear()

    def is_new(self, state: State, key: str) -> bool:
        """Whether the observation is certainly none of the state's; it is one of them from now on."""
        hashes = self._hashes
        if not hashes or len(hashes) > REBUILD_BYTES:
            kept = (*state.facts.vitals, *state.taken_back.vitals)
            hashes[:] = b"".join([_short(fact.event_id) for fact in kept])
        own = _short(key)
        if own in hashes:
            return False
        hashes += own
        return True


def _short(key: str) -> bytes:
    return hash(key).to_bytes(8, "little", signed=True)


def keys_of(facts: Facts, event_type: str) -> set[str]:
    """The keys of the events of a type that left facts."""
    return {fact.event_id for name in KINDS[event_type] for fact in getattr(facts, name)}
