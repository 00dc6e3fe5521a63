"""The part of a patient's card about doses: tocilizumab against its limits, and the doses that were given."""

from __future__ import annotations

from functools import cache

from agents.platform.json_types import Json
from agents.replay.injected_doses import is_injected
from monitor.guidelines import profile_loader
from monitor.guidelines.model import Profile
from schemas.state import DoseState, TocilizumabState
from schemas.wording import amount

BLOCKS = {
    "interval": "too soon after the last dose",
    "limit_24h": "limit of doses in 24 h reached",
    "limit_total": "limit of doses in the episode reached: alternatives",
}


def tocilizumab(now: TocilizumabState, profile_name: str) -> Json:
    """Doses counted against the profile's limits, and when the next dose is possible."""
    profile = profile_of(profile_name)
    return {
        "count_24h": now.count_24h,
        "most_24h": None if profile is None else profile.maximum_in_window,
        "count_total": now.count_total,
        "most_total": None if profile is None else profile.maximum_in_episode,
        "last_at": now.last_at,
        "next_at": now.next_eligible_at,
        "blocked_by": now.blocked_by,
        "blocked_words": None if now.blocked_by is None else BLOCKS[now.blocked_by],
        "dose": None if now.dose_mg is None else amount(now.dose_mg),
    }


@cache
def profile_of(name: str) -> Profile | None:
    """A profile by its name; None: the state names one that this build does not have."""
    try:
        return profile_loader.load(name)
    except profile_loader.ProfileError:
        return None


def dose(one: DoseState) -> Json:
    """One dose of a tracked drug."""
    return {
        "what": f"{one.drug} {amount(one.dose_mg)}",
        "at": one.effective_at,
        "grade": one.grade,
        "indication": one.indication,
        "injected": is_injected(one.event_id),
    }
