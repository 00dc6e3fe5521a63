"""`crs-monitor replay` tells every story as the engine does, to the byte: the same alerts, the same last states."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from agents.cli.replay import command
from monitor.units.instants import to_datetime
from schemas.state import PatientState
from tests.stories.play import OUTAGE, Player
from tests.stories.script import Story, every_story
from tests.stories.stage import engine

# A recording knows nothing of our own failures and downtimes.
STORIES = [
    story
    for story in every_story()
    if not any(line.when == OUTAGE or line.what.startswith("defect: ") for line in story.lines)
]


@pytest.mark.parametrize("story", STORIES, ids=[story.name for story in STORIES])
def test_replay_tells_the_story_the_same(story: Story, tmp_path: Path) -> None:
    stage = engine(story.profile)
    player = Player(story, stage)
    player.play()
    recorded, alerts, states = (tmp_path / name for name in ("events.ndjson", "alerts.ndjson", "states.ndjson"))
    recorded.write_text("".join(json.dumps(event) + "\n" for event in player.sent), encoding="utf-8")
    until = to_datetime(player.ended_at).isoformat()
    options = ["--profile", story.profile, "--until", until, "--alerts", str(alerts), "--state", str(states)]
    result = CliRunner().invoke(command, [str(recorded), *options])
    set_aside = any("dead letter" in line.told for line in story.lines)
    assert result.exit_code == (3 if set_aside else 0), result.output
    assert alerts.read_text(encoding="utf-8").splitlines() == [alert.model_dump_json() for alert in player.raised]
    last = [PatientState.model_validate_json(line) for line in states.read_text(encoding="utf-8").splitlines()]
    assert {state.patient_id: state for state in last} == {
        patient_id: stage.view(patient_id, player.ended_at) for patient_id in stage.states
    }
