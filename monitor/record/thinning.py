"""Drops the observations that are in the same bands as their neighbours, so that the facts of a day stay few.

"The same" means in the same band: on the same side of every threshold that a rule compares the signal with. The first
two of a run and the last stay; the next observation that stays notes the gap (`gap_since`). A threshold that a rule
reads must have its band here (tests/monitor/test_thinning.py). Bands use the patient's limits of today, so thinning is
not exact where readings stayed near one limit for a day and another limit then comes late (decision 0004).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator

from monitor.course import further_signals
from monitor.fact_types import VitalsFact
from monitor.guidelines.model import Profile
from monitor.model import Course
from monitor.units import NEVER

Bands = tuple[object, ...]  # one a signal; None: the observation does not carry it
NO_RUN: tuple[object, int] = (None, 0)

MAX_UNTHINNED_OBSERVATIONS = 24  # up to so many are kept one by one
NEVER_THINNED_OBSERVATIONS = 12  # the newest, never thinned
THIN_AFTER = 18  # thinned again after so many new ones
RUN_CONTEXT_OBSERVATIONS = 12  # so many of those kept show which runs are under way


def thin(
    vitals: tuple[VitalsFact, ...], profile: Profile, course: Course, since: int = NEVER
) -> tuple[VitalsFact, ...]:
    """The observations, in bedside order, without those that say the same as their neighbours.

    Only the newest are looked at, and those from shortly before `since` (ms) on: older ones were thinned before.
    """
    if len(vitals) <= MAX_UNTHINNED_OBSERVATIONS:
        return vitals
    begin = (
        min(len(vitals) - NEVER_THINNED_OBSERVATIONS, bisect_left(vitals, since, key=lambda fact: fact.at)) - THIN_AFTER
    )
    apart = max(0, begin - RUN_CONTEXT_OBSERVATIONS)
    return (*vitals[:apart], *_thinned(vitals[apart:], begin - apart, profile, course))


def _thinned(vitals: tuple[VitalsFact, ...], begin: int, profile: Profile, course: Course) -> tuple[VitalsFact, ...]:
    """The same, with all before index `begin` kept, and the newest NEVER_THINNED_OBSERVATIONS.

    An observation is dropped when each signal it carries was in the same band at the last two that are kept with this
    signal, and is so again at the next one. An example with one signal, systolic pressure, limit 90 mmHg:

        10:00 118   kept      the first of its run
        10:01 121   kept      the second
        10:02 117   dropped   two before it and the next one are above 90, too
        10:03 119   kept      the next one is below; gap_since = 10:01, the last one kept before the gap
        10:04  84   kept      the first of a new run
        10:05 118   kept      the first of a new run
    """
    newest = len(vitals) - NEVER_THINNED_OBSERVATIONS
    limits = (
        profile.fever_tenths,
        course.sbp_below,
        profile.extreme_systolic_below,
        course.map_below,
        profile.spo2_below,
        profile.extreme_spo2_below,
    )
    banded = _banded(vitals[: newest + 1], limits, profile)
    following: list[dict[int, object]] | None = None
    kept: list[VitalsFact] = []
    kept_bands: list[Bands] = [(), ()]
    runs: dict[int, tuple[object, int]] = {}  # signal -> (band, how many kept in a row)
    gap_since = 0
    for index in range(newest):
        fact, bands = vitals[index], banded[index]
        # The common case: both kept before it and the next one carry the same signals in the same bands.
        redundant = begin <= index and len(kept) > 1 and kept_bands[-1] == kept_bands[-2] == bands == banded[index + 1]
        if not redundant and begin <= index and kept:
            redundant = all(_in_run(runs.get(signal, NO_RUN), band) for signal, band in _by_signal(bands))
            if redundant:
                if following is None:
                    following = _next_bands(begin, [*banded, *_banded(vitals[newest + 1 :], limits, profile)])
                after = following[index]
                redundant = all(after.get(signal) == band for signal, band in _by_signal(bands))
        if redundant:
            gap_since = gap_since or kept[-1].at
            continue
        for signal, band in _by_signal(bands):
            before, count = runs.get(signal, NO_RUN)
            runs[signal] = (band, count + 1 if band == before else 1)
        kept.append(_with_gap(fact, gap_since))
        kept_bands.append(bands)
        gap_since = 0
    return (*kept, _with_gap(vitals[newest], gap_since), *vitals[newest + 1 :])


def _in_run(run: tuple[object, int], band: object) -> bool:
    return run[0] == band and run[1] >= 2


def _with_gap(fact: VitalsFact, since: int) -> VitalsFact:
    """The observation, noting that others were dropped before it since an instant (0: none were).

    The checksum of what is not judged is kept for the newest only: its bytes do not compress.
    """
    if since:
        return fact._replace(gap_since=min(since, fact.gap_since or since), content=0)
    return fact._replace(content=0) if fact.content else fact


def _next_bands(begin: int, banded: list[Bands]) -> list[dict[int, object]]:
    """For each observation from index `begin` on, the band of each signal's next reading."""
    following: list[dict[int, object]] = [{}] * len(banded)
    seen: dict[int, object] = {}
    for index in range(len(banded) - 1, -1, -1):
        if index >= begin:
            following[index] = dict(seen)
        seen.update(_by_signal(banded[index]))
    return following


def _banded(
    vitals: tuple[VitalsFact, ...], limits: tuple[int, int, int, int, int, int], profile: Profile
) -> list[Bands]:
    """The bands of each observation."""
    if not further_signals.FURTHER_SIGNALS:
        return [bands_of(fact, limits) for fact in vitals]
    return [(*bands_of(fact, limits), *further_signals.bands(profile, fact)) for fact in vitals]


def bands_of(fact: VitalsFact, limits: tuple[int, int, int, int, int, int]) -> Bands:
    """The band of each signal of an observation, no finer than rules distinguish. FiO2 is read by no rule.

    `limits`: fever (tenths of °C), systolic, extreme systolic, mean arterial (mmHg), SpO2, extreme SpO2 (%).
    """
    _, _, charted, temperature, sbp, mean, spo2, device, flow, _, ice, consciousness, _, _, _ = fact
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


def _by_signal(bands: Bands) -> Iterator[tuple[int, object]]:
    """The signals that an observation carries, each with its band."""
    return ((signal, band) for signal, band in enumerate(bands) if band is not None)
