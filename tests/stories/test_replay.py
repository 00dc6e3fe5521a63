"""`crs-monitor replay` gives the same alerts and last states for every story as the engine, byte for byte."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from agents.cli.replay import command
from monitor.units import to_datetime
from schemas.state import PatientState
from tests.stories.engines import engine_alone
from tests.stories.story_file import Story, every_story
from tests.stories.story_run import OUTAGE, StoryRun

# A recording does not hold failures and outages of the worker.
STORIES = [
    story
    for story in every_story()
    if not any(line.when == OUTAGE or line.what.startswith("defect: ") for line in story.lines)
]


@pytest.mark.parametrize("story", STORIES, ids=[story.name for story in STORIES])
def test_replay_gives_the_same_alerts_and_states(story: Story, tmp_path: Path) -> None:
    engine = engine_alone(story.profile)
    story_run = StoryRun(story, engine)
    story_run.run()
    recorded, alerts, states = (tmp_path / name for name in ("events.ndjson", "alerts.ndjson", "states.ndjson"))
    recorded.write_text("".join(json.dumps(event) + "\n" for event in story_run.sent), encoding="utf-8")
    until = to_datetime(story_run.ended_at).isoformat()
    options = ["--profile", story.profile, "--until", until, "--alerts", str(alerts), "--state", str(states)]
    result = CliRunner().invoke(command, [str(recorded), *options])
    set_aside = any("dead letter" in line.outcome for line in story.lines)
    assert result.exit_code == (3 if set_aside else 0), result.output
    assert alerts.read_text(encoding="utf-8").splitlines() == [alert.model_dump_json() for alert in story_run.raised]
    last = [PatientState.model_validate_json(line) for line in states.read_text(encoding="utf-8").splitlines()]
    assert {state.patient_id: state for state in last} == {
        patient_id: engine.view(patient_id, story_run.ended_at) for patient_id in engine.states
    }
