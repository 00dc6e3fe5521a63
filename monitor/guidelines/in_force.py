"""The guideline that patients are judged by: the profile in force, ASTCT 2019 for comparison, and the formulary."""

from __future__ import annotations

from dataclasses import dataclass

from monitor.guidelines import formulary_loader, profile_loader
from monitor.guidelines.formulary_lookup import Formulary
from monitor.guidelines.model import Profile


@dataclass(frozen=True, slots=True)
class Guideline:
    """What every judgement is given beside the patient."""

    profile: Profile
    astct: Profile
    formulary: Formulary


def load(profile_name: str = "house") -> Guideline:
    """The guideline with this profile in force. Raises ProfileError for a name or a table that cannot be used."""
    return Guideline(profile_loader.load(profile_name), profile_loader.load("astct-2019"), formulary_loader.load())
