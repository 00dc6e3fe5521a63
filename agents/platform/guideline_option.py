"""The guideline that a command's option or setting names."""

from __future__ import annotations

from agents.platform.errors import UserError
from monitor.guidelines import in_force
from monitor.guidelines.in_force import Guideline
from monitor.guidelines.profile_loader import ProfileError


def load_guideline(profile: str) -> Guideline:
    """The guideline graded by this profile. Raises UserError with the reason when there is none, or it is unsound."""
    try:
        return in_force.load(profile)
    except ProfileError as error:
        raise UserError(str(error)) from error
