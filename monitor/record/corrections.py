"""Corrections and voids, in whatever order they come: which entries are taken back, and which stand again.

A correction holds unless it was itself taken back; an entry is out while a correction of it holds. Corrections in a
circle all hold. What was taken back stays out however late it comes again, for a week.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import NamedTuple

from monitor.fact_types import Correction, Fact, Facts, VitalsFact
from monitor.guidelines.in_force import Guideline
from monitor.model import State
from monitor.record import before_checkpoint, identity, latest_vitals
from monitor.record.correction_graph import out
from monitor.record.facts import in_course, of_type, with_facts
from monitor.units import DAY, LONG_AGO
from schemas.events import PatientEventType

REMEMBERED_MS = 7 * DAY
MAX_CORRECTIONS = 1000
MAX_TAKEN_BACK = 256  # facts that can stand again


class Moved(NamedTuple):
    """What a correction did: the state without what is out now, what stands again, and since when the course is old.

    `since`: ms; None: nothing that is out now had counted.
    """

    state: State
    removed: tuple[Fact, ...] = ()
    restored: tuple[Fact, ...] = ()
    since: int | None = None


def concern(state: State, key: str) -> bool:
    """Whether some correction may be about an observation, or be that observation."""
    own, loose = identity.hashed("vitals", key), identity.hashed("vitals", f"*{identity.plain_id(key)}")
    return any(own in (one.by, one.target) or one.awaited == loose for one in state.corrections)


def target_of(state: State, event: PatientEventType, replaces: str) -> identity.Target | None:
    """The entry that an event replaces: that of its own source, else the only one; None: more than one."""
    own = identity.key(event.type, replaces, identity.source_of(event))
    keys = {
        key
        for facts in (state.facts, state.taken_back)
        for key in identity.keys_of(facts, event.type)
        if identity.plain_id(key) == replaces
    }
    keys.update(e.event_id for e in in_course(state, event.type) if identity.plain_id(e.event_id) == replaces)
    own_hash = identity.hashed(event.type, own)
    if own in keys or any(own_hash in (one.by, one.target) for one in state.corrections):
        return identity.Target(own, True)
    if len(keys) > 1:
        return None
    return identity.Target(keys.pop(), True) if keys else identity.Target(own, False)


def is_out(state: State, event_type: str, key: str) -> bool:
    """Whether an entry is taken back."""
    return identity.hashed(event_type, key) in out(state.corrections)


def met(state: State, event_type: str, key: str) -> State:
    """The state once an entry has come that corrections were waiting for."""
    if not any(one.awaited for one in state.corrections):
        return state
    awaited = identity.hashed(event_type, f"*{identity.plain_id(key)}")
    target = identity.hashed(event_type, key)
    return state._replace(
        corrections=tuple(
            one._replace(target=target, awaited=b"") if one.awaited == awaited else one for one in state.corrections
        )
    )


def moved_by(guideline: Guideline, state: State, event: PatientEventType) -> Moved | None:
    """What an event takes back or makes stand again, if it replaces another; None: which one it means is not clear."""
    state = met(state, event.type, identity.key_of(event))
    if event.replaces is None:
        return Moved(state)
    target = target_of(state, event, event.replaces)
    if target is None:
        return None
    moved = corrected(guideline, state, event, target)
    return moved._replace(state=shown(moved))


def corrected(guideline: Guideline, state: State, event: PatientEventType, target: identity.Target) -> Moved:
    """The state once this event takes its target back; what it says itself is not in it yet."""
    one = Correction(
        identity.hashed(event.type, identity.key_of(event)),
        identity.hashed(event.type, target.key),
        state.clock,
        identity.content_of(event),
        b"" if target.is_bound else identity.hashed(event.type, f"*{identity.plain_id(target.key)}"),
    )
    kept = (c for c in state.corrections if c.at > state.clock - REMEMBERED_MS)
    corrections = (*kept, one)[-MAX_CORRECTIONS:]
    before, after = out(state.corrections), out(corrections)
    state = state._replace(corrections=corrections)
    if before == after:
        return Moved(state)
    return _moved(guideline, state, event.type, partial(_is_among, after, event.type))


def united(guideline: Guideline, state: State, others: Iterable[Correction]) -> State:
    """The state with the corrections of another record too; its course is to be folded anew."""
    both = {(one.by, one.target): one for one in (*others, *state.corrections)}
    corrections = tuple(sorted(both.values(), key=lambda one: one.at)[-MAX_CORRECTIONS:])
    state, is_out_now = state._replace(corrections=corrections), out(corrections)
    for event_type in identity.KINDS:
        moved = _moved(guideline, state, event_type, partial(_is_among, is_out_now, event_type))
        state = moved.state._replace(facts=with_facts(moved.state.facts, moved.restored))
    return state


def _is_among(hashes: frozenset[bytes], event_type: str, key: str) -> bool:
    return identity.hashed(event_type, key) in hashes


def _moved(guideline: Guideline, state: State, event_type: str, is_out: Callable[[str], bool]) -> Moved:
    """What is out now moved to what was taken back, and what stands again named. `is_out`: of a key of the type."""
    removed = of_type(state.facts, event_type, is_out)
    restored = of_type(state.taken_back, event_type, lambda key: not is_out(key))
    base, older = before_checkpoint.taken_back(guideline, state.checkpoint, event_type, is_out)
    since = min((fact.at for fact in removed), default=None) if base is state.checkpoint else LONG_AGO
    state = state._replace(
        facts=without(state.facts, removed),
        checkpoint=base,
        taken_back=bounded(with_facts(without(state.taken_back, restored), (*removed, *older))),
    )
    return Moved(state, removed, restored, since)


def shown(moved: Moved) -> State:
    """The state with what is displayed of observations, without those that are out and with those that stand again."""
    state, removed, restored, _ = moved
    latest, feed, vitals = state.latest, state.feed_health, state.facts.vitals
    for fact in removed:
        if isinstance(fact, VitalsFact):
            latest = latest_vitals.remove(latest, fact, state.facts)
            if fact.at == feed.vitals_at and vitals:
                # Silence counts from the newest observation that is left.
                charted = all(one.charted for one in vitals if one.at == vitals[-1].at)
                feed = feed._replace(vitals_at=vitals[-1].at, vitals_charted=charted)
    for fact in restored:
        if isinstance(fact, VitalsFact):
            latest = latest_vitals.merge(latest, latest_vitals.of_fact(fact))
            if fact.at > feed.vitals_at:
                feed = feed._replace(vitals_at=fact.at, vitals_charted=fact.charted)
    return state._replace(latest=latest, feed_health=feed)


def _facts(facts: Facts, event_type: str, chosen: Callable[[str], bool]) -> tuple[Fact, ...]:
    """The facts of a type of event whose key is chosen."""
    return tuple(fact for name in identity.KINDS[event_type] for fact in getattr(facts, name) if chosen(fact.event_id))


def without(facts: Facts, gone: tuple[Fact, ...]) -> Facts:
    """The facts without some of them."""
    if not gone:
        return facts
    return Facts._make(tuple(fact for fact in kind if fact not in gone) for kind in facts)


def bounded(facts: Facts) -> Facts:
    """The facts that can stand again, at most MAX_TAKEN_BACK: the oldest go."""
    spare = sum(map(len, facts)) - MAX_TAKEN_BACK
    if spare <= 0:
        return facts
    limit = sorted(fact.at for kind in facts for fact in kind)[spare - 1]
    return Facts._make(tuple(fact for fact in kind if fact.at > limit) for kind in facts)
