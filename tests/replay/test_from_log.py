"""`replay --from-log` gives what the worker gave: alerts, states, dead letters and digests, whatever is in the log."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agents.engine.log_time import NO_DOWNTIME
from agents.engine.partition import Partition
from monitor.units import to_datetime
from tests.replay.event_files import lines
from tests.replay.logged_ward import ACTS, Act, LoggedWard, replayed
from tests.replay.test_replay import replay
from tests.verify.installation import a_day_on_the_ward

# A pressure that was low for a while during a downtime of six hours, and a fever that lasts.
BACKLOG: list[Act] = [
    ("event", "A", {"type": "vitals", "source": "charted", "temperature_celsius": 38.6, "systolic_mmhg": 120}, 0, None),
    ("tick", 1),
    ("work",),
    ("downtime", 60),
    ("event", "A", {"type": "vitals", "source": "charted", "systolic_mmhg": 84}, 0, None),
    ("downtime", 30),
    ("event", "A", {"type": "vitals", "source": "charted", "systolic_mmhg": 120}, 0, None),
    ("downtime", 30),
    ("event", "A", {"type": "vitals", "source": "charted", "spo2_percent": 84}, 0, None),
    ("downtime", 30),
    *[("tick", 1)] * 8,
]


def ward_of(acts: list[Act]) -> LoggedWard:
    ward = LoggedWard()
    ward.perform(acts)
    return ward


@given(acts=st.lists(ACTS, min_size=4, max_size=40))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_whatever_the_log_holds_the_replay_gives_what_the_workers_gave(
    tmp_path_factory: pytest.TempPathFactory, acts: list[Act]
) -> None:
    ward, path = ward_of(acts), tmp_path_factory.mktemp("log") / "log.ndjson"
    ward.export(path)
    assert replayed(path) == ward.result()


def test_a_backlog_is_replayed_as_a_backlog(tmp_path: Path) -> None:
    ward = ward_of(BACKLOG)
    ward.export(tmp_path / "log")
    assert replayed(tmp_path / "log") == ward.result()
    raised = [alert["kind"] for alert in map(json.loads, ward.result().alerts) if alert["status"] == "raised"]
    assert raised.count("escalation") == 1, "the low pressure had passed; the low saturation is still true"


def test_a_replay_that_knows_no_backlog_is_found_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The comparison above can fail: without downtimes the replay raises what the worker did not."""
    ward = ward_of(BACKLOG)
    ward.export(tmp_path / "log")
    monkeypatch.setattr("agents.replay.log_replay.Partition", partial(Partition, ticks=NO_DOWNTIME))
    assert len(replayed(tmp_path / "log").alerts) > len(ward.result().alerts)


def test_the_command_writes_the_same_files(tmp_path: Path) -> None:
    ward = ward_of([*BACKLOG, ("merge", "A", "E"), ("bad", 1, None, b"{broken")])
    ward.export(tmp_path / "log")
    files = [x for name in ("alerts", "state", "dead-letters") for x in (f"--{name}", tmp_path / name)]
    done = replay("--from-log", tmp_path / "log", "--topic-prefix", "test.", *files)
    assert done.exit_code == 3, "the broken record is a dead letter, as it was for the worker"
    assert "1 not_json" in done.stderr
    result = ward.result()
    written = [(tmp_path / name).read_bytes().splitlines() for name in ("alerts", "state", "dead-letters")]
    assert written == [result.alerts, result.states, result.letters]


def test_standard_input_is_read_when_the_file_is_a_dash(tmp_path: Path) -> None:
    ward = ward_of(BACKLOG)
    ward.export(tmp_path / "log")
    done = replay("--from-log", "-", "--alerts", "-", stdin=(tmp_path / "log").read_bytes())
    assert done.exit_code == 0, done.stderr
    assert done.stdout_bytes.splitlines() == ward.result().alerts


def test_a_simulated_day_with_merges_across_partitions(tmp_path: Path) -> None:
    day = a_day_on_the_ward()
    day.__class__ = LoggedWard
    assert isinstance(day, LoggedWard)
    day.perform([])
    day.export(tmp_path / "log")
    assert replayed(tmp_path / "log") == day.result()


def test_until_leaves_out_what_was_appended_later_and_adds_no_tick(tmp_path: Path) -> None:
    ward = ward_of(BACKLOG)
    ward.export(tmp_path / "log")
    first = ward.topics.records["test.patient-events", 0][1].timestamp
    done = replay(
        "--from-log", tmp_path / "log", "--until", to_datetime(first).isoformat(), "--state", tmp_path / "state"
    )
    assert done.exit_code == 0, done.stderr
    assert [state["log_offset"] for state in lines(tmp_path / "state")] == [1]
    assert "came after --until" in done.stdout
