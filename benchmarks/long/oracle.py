"""Engine against oracle: seeded wards and all real stays, by every profile, after every event and at every hour.

`python -m benchmarks.long.oracle --wards 500`, or `make long-oracle`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from itertools import product
from typing import NamedTuple

import click

from benchmarks.long.result import ROOT, Proof
from tests.simulation.comparison import Arrival, as_story, first_disagreement, smallest
from tests.simulation.test_real_stays import stays
from tests.simulation.wards import arrivals

PROFILES = tuple(sorted(file.stem for file in (ROOT / "monitor" / "guidelines" / "profiles").glob("*.toml")))


class Story(NamedTuple):
    """A ward of a seed, or a real stay, and the profile by which it is judged."""

    ward_seed: int | None
    stay: str
    profile: str

    def arrivals(self) -> list[Arrival]:
        """Its events in order of arrival."""
        return list(arrivals(self.ward_seed)) if self.ward_seed is not None else real_stays()[self.stay]


@cache
def real_stays() -> dict[str, list[Arrival]]:
    """The recorded stays, read once in each process."""
    return stays()


def stories(seed: int, wards: int, with_stays: bool) -> Iterator[Story]:
    """What is asked: each ward and each stay by each profile."""
    for number, profile in product(range(seed, seed + wards), PROFILES):
        yield Story(number, "", profile)
    for stay, profile in product(stays() if with_stays else (), PROFILES):
        yield Story(None, stay, profile)


def disagreement(story: Story) -> str:
    """The smallest story on which the two part; empty when they agree."""
    found = first_disagreement(story.arrivals(), story.profile)
    return f"{story}\n{as_story(smallest(found, story.profile))}" if found else ""


@click.command()
@click.option("--wards", default=5_000, show_default=True, help="Seeded wards.")
@click.option("--seed", default=1_000, show_default=True, help="Of the first ward; the others follow.")
@click.option("--stays/--no-stays", "with_stays", default=True, show_default=True, help="All 134 real stays too.")
def main(wards: int, seed: int, with_stays: bool) -> None:
    """The search."""
    asked = list(stories(seed, wards, with_stays))
    with Proof("long-oracle", seed, len(asked), "stories") as proof, ProcessPoolExecutor(2) as pool:
        for found in pool.map(disagreement, asked):
            if found:
                proof.failed(found)
            proof.done()
    sys.exit(proof.exit_code())


if __name__ == "__main__":
    main()
