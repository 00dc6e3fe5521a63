"""The types of a profile: one grading scale with its tables and thresholds, each number with its unit and source.

Built from a TOML file by `profile_loader`, checked by `profile_checks`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from schemas.field_types import OxygenDevice

UNKNOWN_DEVICE = "unknown"  # the name of a device that was not charted, or is none of these, in the support table
DEVICES: tuple[str, ...] = tuple(device for device in get_args(OxygenDevice) if device != UNKNOWN_DEVICE)
UNKNOWN_RULE = "a rule of a newer version"  # an alert that another build raised


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
    pause_within_dose: int
    same_given_within: int
    same_start_within: int
    other_source_within: int
    bag_change_within: int
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
        """The source of a rule, with its letters replaced by the names of the documents."""
        if rule_id not in self.rules:
            return UNKNOWN_RULE
        letters, _, words = self.rules[rule_id].partition(":")
        names = "; ".join(self.sources[letter.strip()] for letter in letters.split(","))
        return f"{names}:{words}" if words else names
