"""What a patient is judged by: the profile in force, ASTCT 2019 beside it, and the formulary."""

from __future__ import annotations

from dataclasses import dataclass

from monitor import formulary as drugs
from monitor import profile as profiles
from monitor.formulary import Formulary
from monitor.profile import Profile


@dataclass(frozen=True, slots=True)
class Guideline:
    """The standing arguments of every judgement."""

    profile: Profile
    astct: Profile
    formulary: Formulary


def load(profile_name: str = "house") -> Guideline:
    """The guideline with this profile in force. Raises ProfileError for a name or a table that cannot be used."""
    return Guideline(profiles.load(profile_name), profiles.load("astct-2019"), drugs.load())
