"""A profile: every clinical number of the judgement, with its unit and its source, read from a data file."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any, Literal, get_args

from monitor.instant import DAY, HOUR, MINUTE, SECOND
from monitor.rounding import to_tenths
from schemas.events import OxygenDevice

Table = Mapping[str, Any]
DEVICES: tuple[str, ...] = get_args(OxygenDevice)
UNKNOWN_DEVICE = "unknown"


class ProfileError(ValueError):
    """A profile cannot be used; the message names the place."""


@dataclass(frozen=True, slots=True)
class SystolicBand:
    """Systolic pressure below `base + per_year * age` is low for ages in [from, below), completed years."""

    from_years: int
    below_years: int
    base_mmhg: int
    per_year_mmhg: int


@dataclass(frozen=True, slots=True)
class PressureSupport:
    """The grade of a hypotensive patient on this support."""

    vasopressors: int
    vasopressin: bool
    dose: Literal["low", "other", "any"]
    grade: int
    source: str


@dataclass(frozen=True, slots=True)
class OxygenSupport:
    """The grade of a patient on one of these devices at these flows."""

    devices: tuple[str, ...]
    flow: Literal["any", "up_to", "over"]
    limit_l_per_min: int | None
    grade: int
    source: str


@dataclass(frozen=True, slots=True)
class LowDose:
    """One vasopressor below this rate is at a low dose."""

    drug: str
    below: int
    unit: str


@dataclass(frozen=True, slots=True)
class WeightBand:
    """Tocilizumab by weight in [from, below), kg."""

    from_kg: float
    below_kg: float
    mg_per_kg: int


@dataclass(frozen=True, slots=True)
class Profile:
    """One grading scale with its drug rules and thresholds. Durations in ms, temperatures in tenths of °C."""

    name: str
    version: str
    title: str
    sources: Mapping[str, str]
    rules: Mapping[str, str]
    values: Mapping[str, float]
    value_sources: Mapping[str, str]

    fever_tenths: int
    fever_holds: int
    mean_arterial_below: int
    mean_arterial_from_years: int
    baseline_below_percent: int
    baseline_below: int
    extreme_systolic_below: int
    treated_for: int
    systolic: tuple[SystolicBand, ...]
    pressure_support: tuple[PressureSupport, ...]
    low_dose: Mapping[str, LowDose]
    spo2_below: int
    extreme_spo2_below: int
    low_spo2_grade: int
    oxygen_support: tuple[OxygenSupport, ...]
    grades_unconfirmed: bool
    antipyretic_masks: int
    steroid_masks: int
    confirm_after: int
    fall_after: int
    quiet_for: int
    antipyretic_quiet_for: int
    reopens_within: int
    maximum_mg: float
    dose_interval: int
    dose_window: int
    maximum_in_window: int
    maximum_in_episode: int
    overdose_percent: int
    grade_1_for: int
    dose_delay: int
    by_weight: tuple[WeightBand, ...]
    persistent_after: int
    no_improvement_after: int
    refractory_after: int
    alternatives_after: int
    alternatives_doses: int
    neutropenia_below: int
    antibiotics_cover: int
    dexamethasone_mg: float
    dexamethasone_grade_2_every: int
    dexamethasone_grade_3_every: int
    methylprednisolone_mg: tuple[float, float]
    methylprednisolone_every: int
    methylprednisolone_for: int
    ice_full_score: int
    organ_function_every: int
    monitor_silence: int
    charted_silence: int
    watched_after_infusion: int
    infusion_uncharted: int
    implausible_count: int
    implausible_within: int
    clock_ahead: int
    snooze_at_most: int

    def source_of(self, rule_id: str) -> str:
        """Where a rule is written, letters spelled out."""
        letters, _, words = self.rules[rule_id].partition(":")
        names = "; ".join(self.sources[letter.strip()] for letter in letters.split(","))
        return f"{names}:{words}" if words else names


def load(name: str) -> Profile:
    """The profile of this name from the package. Raises ProfileError naming what is wrong and where."""
    folder = resources.files("monitor") / "profiles"
    known = sorted(f.name.removesuffix(".toml") for f in folder.iterdir() if f.name.endswith(".toml"))
    if name not in known:
        raise ProfileError(f"no profile '{name}'; there are: {', '.join(known)}")
    return parse((folder / f"{name}.toml").read_text(encoding="utf-8"), f"{name}.toml")


def parse(text: str, place: str) -> Profile:
    """A profile from TOML text. Gaps and overlaps in its tables are refused, with the place named."""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ProfileError(f"{place}: not TOML: {error}") from error
    try:
        profile = _build(table)
    except KeyError as error:
        raise ProfileError(f"{place}: missing {error}") from error
    for problem in _problems(profile):
        raise ProfileError(f"{place}: {problem}")
    return profile


def _build(table: Table) -> Profile:
    values = {f"{section}.{key}": cell["value"] for section, key, cell in _cells(table)}
    duration = {"seconds": SECOND, "minutes": MINUTE, "hours": HOUR, "days": DAY}

    def whole(key: str) -> int:
        """A count as it stands, a duration in ms by the unit in its name."""
        return int(values[key] * duration.get(key.rpartition(".")[2].rpartition("_")[2], 1))

    return Profile(
        name=table["name"],
        version=table["version"],
        title=table["title"],
        sources=table["sources"],
        rules=table["rules"],
        values=values,
        value_sources={f"{section}.{key}": cell["source"] for section, key, cell in _cells(table)},
        fever_tenths=to_tenths(values["fever.threshold_celsius"]),
        fever_holds=whole("fever.holds_hours"),
        mean_arterial_below=whole("hypotension.mean_arterial_below_mmhg"),
        mean_arterial_from_years=int(values["hypotension.mean_arterial_from_years"]),
        baseline_below_percent=whole("hypotension.baseline_below_percent"),
        baseline_below=whole("hypotension.baseline_below_mmhg"),
        extreme_systolic_below=whole("hypotension.extreme_systolic_below_mmhg"),
        treated_for=whole("hypotension.treated_hours"),
        systolic=tuple(
            SystolicBand(r["from_years"], r["below_years"], r["base_mmhg"], r["per_year_mmhg"])
            for r in table["hypotension"]["systolic"]
        ),
        pressure_support=tuple(
            PressureSupport(r["vasopressors"], r["vasopressin"], r["dose"], r["grade"], r["source"])
            for r in table["hypotension"]["support"]
        ),
        low_dose={r["drug"]: LowDose(r["drug"], r["below"], r["unit"]) for r in table["hypotension"]["low_dose"]},
        spo2_below=whole("hypoxia.spo2_below_percent"),
        extreme_spo2_below=whole("hypoxia.extreme_spo2_below_percent"),
        low_spo2_grade=whole("hypoxia.low_spo2_grade"),
        oxygen_support=tuple(
            OxygenSupport(tuple(r["devices"]), r["flow"], r.get("limit_l_per_min"), r["grade"], r["source"])
            for r in table["hypoxia"]["support"]
        ),
        grades_unconfirmed=bool(values["masking.grades_unconfirmed"]),
        antipyretic_masks=whole("masking.antipyretic_hours"),
        steroid_masks=whole("masking.steroid_hours"),
        confirm_after=whole("confirmation.seconds"),
        fall_after=whole("confirmation.fall_minutes"),
        quiet_for=whole("episode.quiet_hours"),
        antipyretic_quiet_for=whole("episode.antipyretic_quiet_hours"),
        reopens_within=whole("episode.reopen_hours"),
        maximum_mg=values["tocilizumab.maximum_mg"],
        dose_interval=whole("tocilizumab.interval_hours"),
        dose_window=whole("tocilizumab.window_hours"),
        maximum_in_window=int(values["tocilizumab.maximum_in_window"]),
        maximum_in_episode=int(values["tocilizumab.maximum_in_episode"]),
        overdose_percent=whole("tocilizumab.overdose_percent"),
        grade_1_for=whole("tocilizumab.grade_1_hours"),
        dose_delay=whole("tocilizumab.delay_minutes"),
        by_weight=tuple(
            WeightBand(r["from_kg"], r["below_kg"], r["mg_per_kg"]) for r in table["tocilizumab"]["by_weight"]
        ),
        persistent_after=whole("steps.persistent_hypotension_hours"),
        no_improvement_after=whole("steps.grade_2_no_improvement_hours"),
        refractory_after=whole("steps.grade_3_refractory_hours"),
        alternatives_after=whole("steps.alternatives_steroid_hours"),
        alternatives_doses=whole("steps.alternatives_doses"),
        neutropenia_below=whole("steps.neutropenia_below_per_ul"),
        antibiotics_cover=whole("steps.antibiotics_cover_hours"),
        dexamethasone_mg=values["steps.dexamethasone_mg"],
        dexamethasone_grade_2_every=whole("steps.dexamethasone_grade_2_hours"),
        dexamethasone_grade_3_every=whole("steps.dexamethasone_grade_3_hours"),
        methylprednisolone_mg=(
            values["steps.methylprednisolone_from_mg"],
            values["steps.methylprednisolone_to_mg"],
        ),
        methylprednisolone_every=whole("steps.methylprednisolone_hours"),
        methylprednisolone_for=whole("steps.methylprednisolone_days"),
        ice_full_score=whole("steps.ice_full_score"),
        organ_function_every=whole("steps.organ_function_hours"),
        monitor_silence=whole("watching.monitor_silence_minutes"),
        charted_silence=whole("watching.charted_silence_hours"),
        watched_after_infusion=whole("watching.after_infusion_days"),
        infusion_uncharted=whole("watching.infusion_uncharted_hours"),
        implausible_count=whole("watching.implausible_count"),
        implausible_within=whole("watching.implausible_minutes"),
        clock_ahead=whole("watching.clock_ahead_minutes"),
        snooze_at_most=whole("watching.snooze_minutes"),
    )


def _cells(table: Table) -> Iterator[tuple[str, str, Table]]:
    for section, entries in table.items():
        if isinstance(entries, dict) and section not in ("sources", "rules"):
            for key, cell in entries.items():
                if isinstance(cell, dict):
                    yield section, key, cell


def _problems(profile: Profile) -> Iterator[str]:
    """What is wrong with the tables: a gap, an overlap, a source nobody named."""
    yield from _interval_problems(
        "hypotension.systolic", [(b.from_years, b.below_years) for b in profile.systolic], 121
    )
    yield from _interval_problems("tocilizumab.by_weight", [(b.from_kg, b.below_kg) for b in profile.by_weight], 400.1)
    for vasopressors in (0, 1, 2):
        for vasopressin in (False, True):
            for dose in ("low", "other"):
                if vasopressors == 0 and not vasopressin and dose == "low":
                    continue
                rows = [r for r in profile.pressure_support if _matches(r, vasopressors, vasopressin, dose)]
                if len(rows) != 1:
                    what = "gap" if not rows else "overlap"
                    place = f"vasopressors={vasopressors}, vasopressin={vasopressin}, dose={dose}"
                    yield f"hypotension.support: {what} at {place}"
    for device in (*DEVICES, UNKNOWN_DEVICE):
        yield from _flow_problems(profile, device)
    for key, source in {**profile.value_sources, **profile.rules}.items():
        for letter in source.partition(":")[0].partition(";")[0].split(","):
            if letter.strip() not in profile.sources:
                yield f"{key}: source '{source}' names none of {', '.join(profile.sources)}"


def _matches(row: PressureSupport, vasopressors: int, vasopressin: bool, dose: str) -> bool:
    return row.vasopressors == vasopressors and row.vasopressin == vasopressin and row.dose in ("any", dose)


def _interval_problems(place: str, intervals: list[tuple[float, float]], to: float) -> Iterator[str]:
    at = 0.0
    for start, end in sorted(intervals):
        if start > at:
            yield f"{place}: gap from {at:g} to {start:g}"
        if start < at:
            yield f"{place}: overlap from {start:g} to {at:g}"
        at = max(at, end)
    if at < to:
        yield f"{place}: gap from {at:g}"


def _flow_problems(profile: Profile, device: str) -> Iterator[str]:
    rows = [r for r in profile.oxygen_support if device in r.devices]
    kinds = sorted(r.flow for r in rows)
    if kinds == ["any"]:
        return
    place = f"hypoxia.support: device {device}"
    if kinds == ["over", "up_to"]:
        upper = next(r.limit_l_per_min for r in rows if r.flow == "up_to")
        lower = next(r.limit_l_per_min for r in rows if r.flow == "over")
        if upper is None or lower is None:
            yield f"{place}: limit_l_per_min is missing"
        elif upper < lower:
            yield f"{place}: gap in flow from {upper} to {lower} L/min"
        elif upper > lower:
            yield f"{place}: overlap in flow from {lower} to {upper} L/min"
        return
    yield f"{place}: {'gap' if not {'any', 'over', 'up_to'} & set(kinds) or len(kinds) < 2 else 'overlap'} in its flows"
