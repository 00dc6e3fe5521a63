"""A profile: every clinical number of the judgement, with its unit and its source, read from a data file."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any, Literal, get_args

from monitor.guidelines.profile_checks import check
from monitor.units.instants import DAY, HOUR, MINUTE, SECOND
from monitor.units.rounding import to_tenths
from schemas.events import OxygenDevice

TomlTable = Mapping[str, Any]
DEVICES: tuple[str, ...] = get_args(OxygenDevice)


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
    folder = resources.files("monitor.guidelines") / "profiles"
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
    return from_table(table, place)


def from_table(table: TomlTable, place: str) -> Profile:
    """A profile from what its TOML says; refused like its text."""
    try:
        profile = _build(table)
    except KeyError as error:
        raise ProfileError(f"{place}: missing {error}") from error
    except (TypeError, ValueError) as error:
        raise ProfileError(f"{place}: {error}") from error
    for problem in check(profile):
        raise ProfileError(f"{place}: {problem}")
    return profile


def _build(table: TomlTable) -> Profile:
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
        value_sources={f"{section}.{key}": cell["source"] for section, key, cell in _cells(table)}
        | {f"{section}.{key} {number}": row["source"] for section, key, number, row in _rows(table)},
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


def _cells(table: TomlTable) -> Iterator[tuple[str, str, TomlTable]]:
    for section, entries in table.items():
        if isinstance(entries, dict) and section not in ("sources", "rules"):
            for key, cell in entries.items():
                if isinstance(cell, dict):
                    yield section, key, cell


def _rows(table: TomlTable) -> Iterator[tuple[str, str, int, TomlTable]]:
    for section, entries in table.items():
        if isinstance(entries, dict) and section not in ("sources", "rules"):
            for key, rows in entries.items():
                if isinstance(rows, list):
                    yield from ((section, key, number, row) for number, row in enumerate(rows, 1))
