"""Every number of the judgement matters exactly where it says, and every number of a profile stands in the tables."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from tests.thresholds.both_sides import Threshold, numbers, outcome, thresholds

PROFILES = {
    path.stem: set(numbers(tomllib.loads(path.read_text(encoding="utf-8"))))
    for path in sorted((Path(__file__).parents[2] / "monitor" / "guidelines" / "profiles").glob("*.toml"))
}
THRESHOLDS = list(thresholds())
# Numbers that are no value of a profile: what the rules' own wording fixes, and what the formulary holds.
ELSEWHERE = ("rule ", "formulary ", "late events ")


def cases() -> list[tuple[Threshold, str, int]]:
    """Each side of each value, in every profile that has the value."""
    return [
        (threshold, profile, side)
        for threshold in THRESHOLDS
        for profile, values in PROFILES.items()
        for side in (0, 1)
        if threshold.profile in (None, profile) and (threshold.value in values or threshold.value.startswith(ELSEWHERE))
    ]


@pytest.mark.parametrize(
    ("threshold", "profile", "side"),
    cases(),
    ids=[f"{t.value}-{profile}-{'that' if side else 'this'} side" for t, profile, side in cases()],
)
def test_a_value_matters_exactly_where_it_says(threshold: Threshold, profile: str, side: int) -> None:
    expected, actual = outcome(threshold, side, profile)
    assert actual == expected


@pytest.mark.parametrize("profile", PROFILES)
def test_every_value_of_a_profile_has_both_its_sides_tested(profile: str) -> None:
    tested = {threshold.value for threshold in THRESHOLDS if threshold.profile in (None, profile, "house")}
    assert PROFILES[profile] - tested == set()


def test_no_line_tests_a_value_that_no_profile_has() -> None:
    values = set().union(*PROFILES.values())
    stale = {t.value for t in THRESHOLDS if t.value not in values and not t.value.startswith(ELSEWHERE)}
    assert stale == set()


def test_the_two_sides_of_a_value_differ() -> None:
    assert [t.value for t in THRESHOLDS if t.sides[0][-1].outcome == t.sides[1][-1].outcome] == []
