"""A seed gives the same ward on every build: load tests and searches for disagreements can be repeated."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from itertools import islice
from random import Random

import pytest

from agents.simulation.patients.generator import ward


@pytest.mark.parametrize(
    ("seed", "digest"),
    [
        (1, "b5b03ae17d0af98e76f4057c7b0a55a43af81c3690143016b282ba0a821ae36f"),
        (7, "9a64ec490559bb1b11dc6e7b4306dd187ad85bb564ab45e0ebd39dff64472137"),
    ],
)
def test_the_same_seed_gives_the_same_events(seed: int, digest: str) -> None:
    found = hashlib.sha256()
    for event in islice(ward(Random(seed), 6, datetime(2026, 3, 1, 8, tzinfo=UTC)), 20_000):
        found.update(json.dumps(event, sort_keys=True).encode())
    assert found.hexdigest() == digest
