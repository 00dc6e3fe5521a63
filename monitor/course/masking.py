"""Which drugs hide a fever, and for how long."""

from __future__ import annotations

from monitor.guidelines.profile_loader import Profile
from monitor.model import Course, Dose
from monitor.units.instants import LONG_AGO, NEVER

ANTI_CYTOKINE = frozenset({"tocilizumab", "siltuximab", "anakinra"})
MASKING = ANTI_CYTOKINE | {"antipyretic", "steroid"}


def masks_until(profile: Profile, dose: Dose, infused_at: int | None) -> int:
    """The instant up to and including which a dose hides fever. Anti-cytokines: for the whole treatment."""
    if dose.role == "antipyretic":
        return dose.at + profile.antipyretic_masks
    if dose.role == "steroid":
        return dose.at + profile.steroid_masks
    return LONG_AGO if infused_at is not None and dose.at < infused_at else NEVER


def on_board(profile: Profile, course: Course, at: int) -> tuple[Dose, int] | None:
    """The masking drug that acts the longest from now, and until when; None: no fever is hidden."""
    best: tuple[Dose, int] | None = None
    for dose in course.doses:
        if dose.role in MASKING and dose.at <= at:
            until = masks_until(profile, dose, course.context.infused_at)
            if until >= at and (best is None or until > best[1]):
                best = (dose, until)
    return best


def last_antipyretic_at(course: Course) -> int:
    """When the last antipyretic was given."""
    return max((d.at for d in course.doses if d.role == "antipyretic"), default=LONG_AGO)
