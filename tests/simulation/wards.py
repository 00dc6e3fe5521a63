"""Small seeded wards in which everything goes wrong that can go wrong with a record."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from random import Random

from agents.simulation.patients.bed_record import Cadence, Mishaps
from agents.simulation.patients.generator import ward
from tests.bedside import as_received
from tests.simulation.comparison import Arrival

START = datetime(2026, 3, 2, 8, tzinfo=UTC)
CALM = Mishaps()
ROUGH = Mishaps(
    late=0.3,
    repeated=0.05,
    corrected=0.08,
    voided=0.05,
    implausible=0.02,
    ahead=0.01,
    skewed_feed=0.3,
    merged=0.3,
    weight_missing=0.2,
    infusion_missing=0.2,
)


def arrivals(seed: int) -> Iterator[Arrival]:
    """The story of one bed over a few days; the seed decides how often it is looked at and how rough it gets."""
    rng = Random(seed)
    cadence = Cadence(
        vitals_every_s=rng.choice((240, 900, 1800)),
        charted_every_s=rng.choice((1800, 3600, 4 * 3600)),
        mishaps=rng.choice((CALM, ROUGH, ROUGH)),
    )
    for event in ward(rng, 1, START, duration=timedelta(days=rng.choice((2, 3, 5))), cadence=cadence):
        arrival = as_received(event)
        assert arrival is not None, "the ward writes what the contract reads"
        yield arrival
