"""Reads a profile, every clinical number of the judgement with its unit and its source, from its TOML file."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from importlib import resources
from typing import Any

from monitor.guidelines.model import LowDose, OxygenSupport, PressureSupport, Profile, SystolicBand, WeightBand
from monitor.guidelines.profile_checks import check
from monitor.units import DAY, HOUR, MINUTE, SECOND, to_tenths

TomlTable = Mapping[str, Any]
DURATIONS = {"seconds": SECOND, "minutes": MINUTE, "hours": HOUR, "days": DAY}
# Field of a profile -> section and key of its value in the TOML file.
NUMBERS: Mapping[str, str] = {
    "fever_tenths": "fever.threshold_celsius",
    "fever_holds": "fever.holds_hours",
    "mean_arterial_below": "hypotension.mean_arterial_below_mmhg",
    "mean_arterial_from_years": "hypotension.mean_arterial_from_years",
    "baseline_below_percent": "hypotension.baseline_below_percent",
    "baseline_below": "hypotension.baseline_below_mmhg",
    "extreme_systolic_below": "hypotension.extreme_systolic_below_mmhg",
    "treated_for": "hypotension.treated_hours",
    "spo2_below": "hypoxia.spo2_below_percent",
    "extreme_spo2_below": "hypoxia.extreme_spo2_below_percent",
    "low_spo2_grade": "hypoxia.low_spo2_grade",
    "antipyretic_masks": "masking.antipyretic_hours",
    "steroid_masks": "masking.steroid_hours",
    "confirm_after": "confirmation.seconds",
    "fall_after": "confirmation.fall_minutes",
    "quiet_for": "episode.quiet_hours",
    "antipyretic_quiet_for": "episode.antipyretic_quiet_hours",
    "reopens_within": "episode.reopen_hours",
    "maximum_mg": "tocilizumab.maximum_mg",
    "dose_interval": "tocilizumab.interval_hours",
    "dose_window": "tocilizumab.window_hours",
    "maximum_in_window": "tocilizumab.maximum_in_window",
    "maximum_in_episode": "tocilizumab.maximum_in_episode",
    "overdose_percent": "tocilizumab.overdose_percent",
    "grade_1_for": "tocilizumab.grade_1_hours",
    "dose_delay": "tocilizumab.delay_minutes",
    "persistent_after": "steps.persistent_hypotension_hours",
    "no_improvement_after": "steps.grade_2_no_improvement_hours",
    "refractory_after": "steps.grade_3_refractory_hours",
    "alternatives_after": "steps.alternatives_steroid_hours",
    "alternatives_doses": "steps.alternatives_doses",
    "neutropenia_below": "steps.neutropenia_below_per_ul",
    "antibiotics_cover": "steps.antibiotics_cover_hours",
    "dexamethasone_mg": "steps.dexamethasone_mg",
    "dexamethasone_grade_2_every": "steps.dexamethasone_grade_2_hours",
    "dexamethasone_grade_3_every": "steps.dexamethasone_grade_3_hours",
    "methylprednisolone_every": "steps.methylprednisolone_hours",
    "methylprednisolone_for": "steps.methylprednisolone_days",
    "ice_full_score": "steps.ice_full_score",
    "organ_function_every": "steps.organ_function_hours",
    "monitor_silence": "watching.monitor_silence_minutes",
    "charted_silence": "watching.charted_silence_hours",
    "watched_after_infusion": "watching.after_infusion_days",
    "pause_within_dose": "administration.pause_minutes",
    "same_given_within": "administration.same_given_minutes",
    "same_start_within": "administration.same_start_hours",
    "other_source_within": "administration.other_source_minutes",
    "bag_change_within": "administration.bag_change_minutes",
    "infusion_uncharted": "watching.infusion_uncharted_hours",
    "implausible_count": "watching.implausible_count",
    "implausible_within": "watching.implausible_minutes",
    "clock_ahead": "watching.clock_ahead_minutes",
    "snooze_at_most": "watching.snooze_minutes",
}


class ProfileError(ValueError):
    """A profile cannot be used; the message names the place."""


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
    numbers: dict[str, Any] = {field: _number(key, values[key]) for field, key in NUMBERS.items()}
    hypotension, hypoxia, tocilizumab = table["hypotension"], table["hypoxia"], table["tocilizumab"]
    return Profile(
        name=table["name"],
        version=table["version"],
        title=table["title"],
        sources=table["sources"],
        rules=table["rules"],
        values=values,
        value_sources={f"{section}.{key}": cell["source"] for section, key, cell in _cells(table)}
        | {f"{section}.{key} {number}": row["source"] for section, key, number, row in _rows(table)},
        systolic=tuple(
            SystolicBand(r["from_years"], r["below_years"], r["base_mmhg"], r["per_year_mmhg"])
            for r in hypotension["systolic"]
        ),
        pressure_support=tuple(
            PressureSupport(r["vasopressors"], r["vasopressin"], r["dose"], r["grade"], r["source"])
            for r in hypotension["support"]
        ),
        low_dose={r["drug"]: LowDose(r["drug"], r["below"], r["unit"]) for r in hypotension["low_dose"]},
        oxygen_support=tuple(
            OxygenSupport(tuple(r["devices"]), r["flow"], r.get("limit_l_per_min"), r["grade"], r["source"])
            for r in hypoxia["support"]
        ),
        grades_unconfirmed=bool(values["masking.grades_unconfirmed"]),
        by_weight=tuple(WeightBand(r["from_kg"], r["below_kg"], r["mg_per_kg"]) for r in tocilizumab["by_weight"]),
        methylprednisolone_mg=(
            values["steps.methylprednisolone_from_mg"],
            values["steps.methylprednisolone_to_mg"],
        ),
        **numbers,
    )


def _number(key: str, value: float) -> float:
    """A value by the unit at the end of its key: durations in ms, temperatures in tenths of °C, doses in mg."""
    unit = key.rpartition(".")[2].rpartition("_")[2]
    if unit == "mg":
        return value
    return to_tenths(value) if unit == "celsius" else int(value * DURATIONS.get(unit, 1))


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
