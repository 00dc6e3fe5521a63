"""The facts of the last 24 hours, kept so that a late, corrected or voided event is judged as if it had come in time.

Bounded: beyond KEEP observations, those that say what the readings before and after say are dropped (the next one
`covers` the gap); beyond CAP facts, or 25 h, the oldest are folded into the checkpoint. What a reading says is taken by
the patient's limits of today: a weight of 24 h in a row that stays small, against a limit that itself comes late.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Iterable, Iterator
from math import inf
from typing import Any, NamedTuple

from monitor.guidelines.profile_loader import DEVICES, Profile
from monitor.model import ContextFact, Course, Facts, InfusionFact, MedicationFact, StatementFact, VitalsFact
from monitor.units.instants import HOUR, NEVER
from schemas.events import OxygenDevice

Bands = tuple[object, ...]
NO_RUN: tuple[object, int] = (None, 0)
Fact = VitalsFact | MedicationFact | ContextFact | InfusionFact | StatementFact

MAX_UNTHINNED_OBSERVATIONS = 24  # observations kept one by one
NEVER_THINNED_OBSERVATIONS = 12  # of these, never thinned
THIN_AFTER_NEW_OBSERVATIONS = 18  # when there are so many new ones it is time to thin
RUN_CONTEXT_OBSERVATIONS = 12  # of those kept, what they say tells of a run
MAX_FACTS = 512  # facts of all kinds
EXACT_LATE_MS = 24 * HOUR  # late events are exact this far back
CHECKPOINT_STEP_MS = HOUR  # the checkpoint moves once an hour, not at every event

# The ladder that support climbs (ward policy): what stands lower is less support.
LADDER: tuple[OxygenDevice, ...] = (
    "room_air",
    "blow_by",
    "nasal_cannula",
    "face_mask",
    "venturi",
    "non_rebreather",
    "high_flow_nasal_cannula",
    "cpap",
    "bipap",
    "invasive_ventilation",
)
DEVICE_RANK = {device: rank for rank, device in enumerate(LADDER)}
assert set(LADDER) == set(DEVICES), "every device has its rung"


class FactsAt(NamedTuple):
    """All facts of one instant, in the order in which they are applied."""

    at: int
    facts: Facts


def size(facts: Facts) -> int:
    """How many facts are kept."""
    return sum(len(kind) for kind in facts)


def ids(facts: Facts) -> Iterable[str]:
    """The events that are kept."""
    return (fact.event_id for kind in facts for fact in kind)


def kind_of(fact: Fact) -> str:
    """In which of the facts this one belongs."""
    return _KIND[type(fact)]


def insert(facts: Facts, fact: Fact) -> Facts:
    """The facts with one more, each kind in bedside order."""
    name = kind_of(fact)
    kind: tuple[Any, ...] = getattr(facts, name)
    if not kind or _order(kind[-1]) <= _order(fact):
        return facts._replace(**{name: (*kind, fact)})
    ordered = list(kind)
    insort(ordered, fact, key=_order)
    return facts._replace(**{name: tuple(ordered)})


def remove(facts: Facts, event_id: str) -> Facts:
    """The facts as if this event had never been."""
    return _only(facts, lambda fact: fact.event_id != event_id)


def by_instant(facts: Facts) -> list[FactsAt]:
    """The facts instant by instant, oldest first."""
    by_instant: dict[int, list[list[Fact]]] = {}
    for index, kind in enumerate(_kinds(facts)):
        for fact in kind:
            at = fact.at
            if at not in by_instant:
                by_instant[at] = [[], [], [], [], []]
            by_instant[at][index].append(fact)
    return [FactsAt(at, Facts._make(map(tuple, by_instant[at]))) for at in sorted(by_instant)]


def split(facts: Facts, until: int) -> tuple[Facts, Facts]:
    """The facts at or before an instant, and those after it."""
    places = [bisect_right(kind, until, key=_at) for kind in facts]
    older = (kind[:place] for kind, place in zip(facts, places, strict=True))
    newer = (kind[place:] for kind, place in zip(facts, places, strict=True))
    return Facts._make(older), Facts._make(newer)


def _kinds(facts: Facts) -> tuple[tuple[Fact, ...], ...]:
    return (facts.vitals, facts.medications, facts.contexts, facts.infusions, facts.statements)


def _only(facts: Facts, keep: Callable[[Fact], bool]) -> Facts:
    return Facts._make(tuple(filter(keep, kind)) for kind in _kinds(facts))


def checkpoint_due(facts: Facts, newest_at: int) -> int | None:
    """The instant up to which the checkpoint should move, or None while the facts are few and young."""
    oldest_at = min((kind[0].at for kind in facts if kind), default=newest_at)
    if oldest_at < newest_at - EXACT_LATE_MS - CHECKPOINT_STEP_MS:
        return newest_at - EXACT_LATE_MS
    if size(facts) > MAX_FACTS:
        instants = sorted(fact.at for kind in facts for fact in kind)
        return instants[len(instants) - MAX_FACTS * 3 // 4]
    return None


def is_time_to_thin(vitals: tuple[VitalsFact, ...], thinned_at: int) -> bool:
    """Whether many observations are newer than when it was last done."""
    return len(vitals) >= THIN_AFTER_NEW_OBSERVATIONS and vitals[-THIN_AFTER_NEW_OBSERVATIONS].at > thinned_at


def thin(
    vitals: tuple[VitalsFact, ...], profile: Profile, course: Course, since: int = NEVER
) -> tuple[VitalsFact, ...]:
    """Without the observations that say what their neighbours say. The two first of a run and the last stay.

    Looked at are the NEW before the last RECENT, and those from as many before `since` on: the others have been looked
    at before.
    """
    if len(vitals) <= MAX_UNTHINNED_OBSERVATIONS:
        return vitals
    begin = (
        min(len(vitals) - NEVER_THINNED_OBSERVATIONS, bisect_left(vitals, since, key=_at)) - THIN_AFTER_NEW_OBSERVATIONS
    )
    apart = max(0, begin - RUN_CONTEXT_OBSERVATIONS)
    return (*vitals[:apart], *_thinned(vitals[apart:], begin - apart, profile, course))


def _thinned(vitals: tuple[VitalsFact, ...], begin: int, profile: Profile, course: Course) -> tuple[VitalsFact, ...]:
    """The same, all before `begin` kept."""
    recent = len(vitals) - NEVER_THINNED_OBSERVATIONS
    limits = (
        profile.fever_tenths,
        course.sbp_below,
        profile.extreme_systolic_below,
        course.map_below,
        profile.spo2_below,
        profile.extreme_spo2_below,
    )
    banded = [_bands(fact, limits) for fact in vitals[: recent + 1]]
    ahead: list[dict[int, object]] | None = None
    kept: list[VitalsFact] = []
    kept_bands: list[Bands] = [(), ()]
    runs: dict[int, tuple[object, int]] = {}  # signal -> (band, how many kept in a row)
    covers_from = 0
    for index in range(recent):
        fact, bands = vitals[index], banded[index]
        # The common case: this one, both before it and the next one say the same of the same signals.
        redundant = begin <= index and len(kept) > 1 and kept_bands[-1] == kept_bands[-2] == bands == banded[index + 1]
        if not redundant and begin <= index and kept:
            redundant = all(_in_run(runs.get(signal, NO_RUN), band) for signal, band in _signal_bands(bands))
            if redundant:
                if ahead is None:
                    ahead = _next_bands(begin, [*banded, *(_bands(f, limits) for f in vitals[recent + 1 :])])
                after = ahead[index]
                redundant = all(after.get(signal) == band for signal, band in _signal_bands(bands))
        if redundant:
            covers_from = covers_from or kept[-1].at
            continue
        for signal, band in _signal_bands(bands):
            before, count = runs.get(signal, NO_RUN)
            runs[signal] = (band, count + 1 if band == before else 1)
        kept.append(_covering(fact, covers_from))
        kept_bands.append(bands)
        covers_from = 0
    return (*kept, _covering(vitals[recent], covers_from), *vitals[recent + 1 :])


def _in_run(run: tuple[object, int], band: object) -> bool:
    return run[0] == band and run[1] >= 2


def _covering(fact: VitalsFact, since: int) -> VitalsFact:
    """The observation, and that others were dropped before it, since an instant (0: none were)."""
    return fact._replace(gap_since=min(since, fact.gap_since or since)) if since else fact


def _next_bands(begin: int, banded: list[Bands]) -> list[dict[int, object]]:
    """For each observation from `begin` on, the band of each signal's next reading."""
    ahead: list[dict[int, object]] = [{}] * len(banded)
    seen: dict[int, object] = {}
    for index in range(len(banded) - 1, -1, -1):
        if index >= begin:
            ahead[index] = dict(seen)
        seen.update(_signal_bands(banded[index]))
    return ahead


def _bands(fact: VitalsFact, limits: tuple[int, int, int, int, int, int]) -> Bands:
    """What each signal of an observation says, no finer than a rule can tell apart; None where it says nothing."""
    _, _, charted, temperature, sbp, mean, spo2, device, flow, _, ice, consciousness, _ = fact
    hot, low, very_low, mean_low, desaturated, very_desaturated = limits
    by = 4 * charted
    return (
        None if temperature is None else temperature >= hot,
        None if sbp is None else (sbp < low) + 2 * (sbp < very_low) + by,
        None if mean is None else (mean < mean_low) + by,
        None if spo2 is None else (spo2 < desaturated) + 2 * (spo2 < very_desaturated) + by,
        None if device is None and flow is None else (device, flow),
        ice,
        consciousness,
    )


def _signal_bands(bands: Bands) -> Iterator[tuple[int, object]]:
    """The signals that an observation carries, and what they say."""
    return ((signal, band) for signal, band in enumerate(bands) if band is not None)


_KIND: dict[type, str] = {
    VitalsFact: "vitals",
    MedicationFact: "medications",
    ContextFact: "contexts",
    InfusionFact: "infusions",
    StatementFact: "statements",
}


def _at(fact: Fact) -> int:
    return fact.at


def _order(fact: Fact) -> tuple[int, float, str]:
    """Bedside order; at one instant the worse comes last and stands."""
    worse = 0.0
    if isinstance(fact, MedicationFact) and fact.action != "stopped":
        worse = inf if fact.rate is None else 1.0 + fact.rate
    return fact.at, worse, fact.event_id
