"""Engine and oracle agree on every one of the 134 real stays, after every event and at every hour between."""

from __future__ import annotations

from collections import defaultdict
from functools import cache

import pytest

from agents.feeds.clif.demo_data import demo_dir
from agents.feeds.clif.stays import ClifStays
from tests.bedside import as_received
from tests.oracle import Received, course
from tests.simulation.comparison import Arrival, as_story, first_disagreement, smallest
from tests.simulation.second_opinion import SecondOpinion


@cache
def stays() -> dict[str, list[Arrival]]:
    """Each patient's events in order of arrival."""
    by_patient: dict[str, list[Arrival]] = defaultdict(list)
    for event in ClifStays(demo_dir()):
        arrival = as_received(event)
        assert arrival is not None, "the source writes what the contract reads"
        by_patient[event["patient_id"]].append(arrival)
    return by_patient


def hold_against_each_other(patient_ids: list[str], profile: str) -> None:
    for patient_id in patient_ids:
        found = first_disagreement(stays()[patient_id], profile)
        if found:
            pytest.fail(f"{patient_id}\n{as_story(smallest(found, profile))}", pytrace=False)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("part", range(4))
def test_engine_and_oracle_agree_on_every_real_stay(part: int) -> None:
    assert len(stays()) == 134
    hold_against_each_other(list(stays())[part::4], "house")


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_they_agree_by_astct_too_on_every_fourth_stay() -> None:
    hold_against_each_other(list(stays())[::4], "astct-2019")


@pytest.mark.slow
def test_the_oracle_that_goes_on_says_what_the_one_that_starts_anew_says() -> None:
    for arrivals in list(stays().values())[::19]:
        oracle = SecondOpinion("house")
        for index, (event, at, _) in enumerate(arrivals[:120]):
            oracle.receive(event, at)
            record = [Received(*one[:2]) for one in arrivals[: index + 1]]
            assert oracle.at(at) == course(record, [at])[0]
