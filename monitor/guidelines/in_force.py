"""What a patient is judged by: the profile in force, ASTCT 2019 beside it, and the formulary."""

from __future__ import annotations

from dataclasses import dataclass

from monitor.guidelines import formulary_lookup, profile_loader
from monitor.guidelines.formulary_lookup import Formulary
from monitor.guidelines.profile_loader import Profile


@dataclass(frozen=True, slots=True)
class Guideline:
    """The standing arguments of every judgement."""

    profile: Profile
    astct: Profile
    formulary: Formulary


def load(profile_name: str = "house") -> Guideline:
    """The guideline with this profile in force. Raises ProfileError for a name or a table that cannot be used."""
    return Guideline(profile_loader.load(profile_name), profile_loader.load("astct-2019"), formulary_lookup.load())
