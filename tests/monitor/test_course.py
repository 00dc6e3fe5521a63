"""The course between events that the stories do not show: since when a finding holds, what an episode remembers."""

from __future__ import annotations

from typing import Any

from monitor.course import episodes
from monitor.guidelines.in_force import load
from monitor.model import Course, Episode, Reading
from monitor.units import HOUR, MINUTE
from tests.monitor.bed import START, Bed, iso

PROFILE = load().profile


def hypotension_since(bed: Bed) -> str:
    since = bed.log.view("A").axes.hypotension.since
    assert since is not None
    return since.isoformat()


def test_when_a_vasopressor_stops_the_lower_grade_began_then_not_when_the_pressure_fell() -> None:
    bed = Bed()
    bed.vitals(60, source="charted", temperature_celsius=38.5, systolic_mmhg=84.0)
    assert hypotension_since(bed) == iso(60)
    drug: dict[str, Any] = {"type": "medication", "drug": "norepinephrine"}
    bed.receive(120, **drug, action="started", rate=30.0, rate_unit="mcg/min")
    assert (bed.log.view("A").axes.hypotension.grade, hypotension_since(bed)) == (3, iso(120))
    bed.receive(180, **drug, action="stopped")
    assert (bed.log.view("A").axes.hypotension.grade, hypotension_since(bed)) == (2, iso(180))


def test_the_last_fever_of_an_episode_never_moves_back() -> None:
    """Not even where the fever that the course knows is older, because a newer one was voided."""
    older = Reading(385, START + HOUR, "older")
    episode = Episode(1, open=True, onset_at=START, fever_at=START + 2 * HOUR)
    course = Course(at=START + 3 * HOUR, fever=older, episode=episode)
    assert episodes.with_fever(PROFILE, course, course.at) is course
    newer = course._replace(fever=older._replace(at=START + 3 * HOUR))
    assert episodes.with_fever(PROFILE, newer, newer.at).episode.fever_at == START + 3 * HOUR


def test_after_a_heart_rate_alone_blood_pressure_and_oxygenation_are_unknown() -> None:
    """Also where it is the very first event, and one that changes nothing else."""
    bed = Bed(infused=False)
    bed.vitals(0, source="monitor", heart_rate_per_min=90.0)
    assert set(bed.log.view("A").unknown) == {"fever", "hypotension", "hypoxia"}


def test_when_the_newest_observation_is_voided_silence_counts_from_the_one_before() -> None:
    bed = Bed()
    bed.vitals(60, source="monitor", heart_rate_per_min=90.0)
    bed.vitals(70, source="monitor", heart_rate_per_min=90.0)
    bed.vitals(70, received=71, status="entered_in_error", replaces=bed.last_event_id)
    bed.log.tick_until(START + 75 * MINUTE)
    assert bed.titles("signal_lost") == ["No vitals from a monitored patient"]


def test_when_an_older_observation_is_voided_silence_counts_from_the_newest() -> None:
    bed = Bed()
    bed.vitals(60, source="monitor", heart_rate_per_min=90.0)
    wrong = bed.last_event_id
    bed.vitals(70, source="charted", heart_rate_per_min=90.0)
    bed.vitals(60, received=71, status="entered_in_error", replaces=wrong)
    feed = bed.log.states["A"].feed_health
    assert (feed.vitals_at, feed.vitals_charted) == (START + 70 * MINUTE, True)
