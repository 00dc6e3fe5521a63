"""Engine and oracle agree on seeded wards whose records are late, repeated, corrected, voided, implausible or merged.

`python -m tests.simulation.test_wards FIRST LAST` searches further seeds at leisure.
"""

from __future__ import annotations

import sys

import pytest

from tests.simulation.comparison import as_story, first_disagreement, smallest
from tests.simulation.wards import arrivals

QUICK_SEEDS, SLOW_SEEDS = range(1, 7), range(7, 41)
SEEDS = [*QUICK_SEEDS, *(pytest.param(seed, marks=pytest.mark.slow) for seed in SLOW_SEEDS)]


def parting_of(seed: int) -> str:
    """The smallest story on which the two part in the ward of this seed; empty when they agree."""
    profile = "house" if seed % 3 else "astct-2019"
    found = first_disagreement(arrivals(seed), profile)
    if found is None:
        return ""
    return f"seed {seed}, profile {profile}\n{as_story(smallest(found, profile))}"


@pytest.mark.parametrize("seed", SEEDS)
def test_engine_and_oracle_agree_on_a_rough_ward(seed: int) -> None:
    if parting := parting_of(seed):
        pytest.fail(parting, pytrace=False)


def main(first: int, last: int) -> None:
    """Prints every disagreement among the seeds from `first` up to and including `last`."""
    found = 0
    for seed in range(first, last + 1):
        if parting := parting_of(seed):
            found += 1
            print(parting, flush=True)
    print(f"{last - first + 1} seeds, {found} disagreements")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
