"""A row stays small: 100,000 patients are recovered from the changelog in seconds, and kept in memory.

Most of a row are the observations that thinning keeps: it is largest while a pressure goes up and down around its limit
for hours, which is why the simulated ward has the largest rows.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random

from agents.simulation.patients.bed_record import Cadence
from agents.simulation.patients.generator import ward
from monitor.model import State
from monitor.record import row
from monitor.units import to_ms
from tests.bedside import Log, as_received
from tests.stories.engines import engine_alone
from tests.stories.story_file import every_story
from tests.stories.story_run import StoryRun

FULL_EPISODE_BYTES = 5 * 1024
LARGEST_BYTES = 10 * 1024
BEGAN = datetime(2026, 3, 2, 8, tzinfo=UTC)
LOOKED_AT_EVERY = timedelta(hours=2)


def size(state: State) -> int:
    """The bytes of a row."""
    return len(row.encode(row.Row(row.VERSION, 123_456_789, b"12345678", state)))


def test_no_story_comes_to_a_large_row() -> None:
    sizes: dict[tuple[str, str], int] = {}
    for story in every_story():
        engine = engine_alone(story.profile)
        StoryRun(story, engine).run()
        sizes |= {(story.name, patient_id): size(state) for patient_id, state in engine.states.items()}
    largest = max(sizes, key=sizes.__getitem__)
    assert sizes[largest] <= FULL_EPISODE_BYTES, largest


def test_rows_of_episodes_on_a_ward_are_small_and_bounded() -> None:
    """Two beds for five days, a reading a minute: half of them are at most 5 KiB, none is above 10 KiB."""
    sizes = sorted(sizes_in_episodes(seed=5))
    assert len(sizes) >= 50, "with episodes of CRS"
    assert sizes[len(sizes) // 2] <= FULL_EPISODE_BYTES
    assert sizes[-1] <= LARGEST_BYTES


def sizes_in_episodes(seed: int) -> list[int]:
    found, next_look, log = [], BEGAN, Log()
    for event in ward(Random(seed), 2, BEGAN, duration=timedelta(days=5), cadence=Cadence(vitals_every_s=60)):
        arrival = as_received(event)
        assert arrival is not None
        log.receive(*arrival)
        if log.at >= to_ms(next_look):
            next_look += LOOKED_AT_EVERY
            found += [size(state) for state in log.states.values() if state.course.episode.open]
    return found
