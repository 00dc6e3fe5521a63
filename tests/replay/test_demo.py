"""The demonstration: its script, its clock, its pager; and the whole of it, from the first process to the last."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook

from agents.demo import scripted
from agents.demo.pager import DemoPager, listening
from agents.demo.schedule import ADMISSIONS_OVER_MS, Schedule, schedule, shifted
from agents.demo.story_clock import BEHIND_ALLOWED, LONGEST, StoryClock
from agents.feeds.source import SourceRecord
from agents.replay.replay import Replay
from agents.simulation.story import to_ms
from monitor.guidelines import in_force
from monitor.units import HOUR
from schemas.alerts import Alert
from schemas.decode import decode
from schemas.decoded import Decoded
from tests.replay.event_files import line, vitals

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
BEGINS = to_ms("2026-03-01T00:00:00+00:00")


def scripted_alerts() -> list[Alert]:
    alerts: list[Alert] = []
    replay = Replay(
        in_force.load(), [lambda one: alerts.extend(one.step.alerts)], lambda letter: pytest.fail(str(letter)), None
    )
    for number, event in enumerate(scripted.story(BEGINS), start=1):
        payload = line(event)
        replay.take(SourceRecord("script", number, payload, decode(payload)))
    return alerts


def test_the_script_shows_what_the_system_is_for() -> None:
    alerts = scripted_alerts()
    kinds = {alert.kind for alert in alerts if alert.status == "raised"}
    assert {
        "onset",
        "escalation",
        "masked_fever",
        "dose_indicated",
        "repeat_dose_eligible",
        "step",
        "neuro",
        "recovery",
    } <= kinds
    raised = [alert.grade for alert in alerts if (alert.kind, alert.status) == ("escalation", "raised")]
    assert raised == [2, 3]
    assert any((alert.grade, alert.astct_grade) == (2, 3) for alert in alerts)
    assert alerts[-1].grade == 0
    assert "dose_safety" not in kinds
    assert "signal_lost" not in kinds


def test_every_line_of_the_script_is_an_event_of_the_contract() -> None:
    for event in scripted.story(BEGINS):
        decoded = decode(line(event))
        assert isinstance(decoded, Decoded)
        assert decoded.implausible == ()
        assert decoded.unknown_fields == ()


def test_stays_keep_their_own_speed_and_begin_near_each_other() -> None:
    early, late = vitals("10:00", "a", heart_rate_per_min=80), vitals("15:30", "a", heart_rate_per_min=82)
    years_on = vitals("10:00", "b", heart_rate_per_min=90) | {"effective_at": "2150-01-01T00:00:00+00:00"}
    moved = list(shifted([early, late, years_on], BEGINS, 72))
    ours = [one.at_ms for one in moved if one.event["patient_id"] == "a"]
    assert ours[1] - ours[0] == 5.5 * HOUR
    assert all(BEGINS <= one.at_ms <= BEGINS + ADMISSIONS_OVER_MS + 72 * HOUR for one in moved)
    assert [to_ms(one.event["effective_at"]) for one in moved] == [one.at_ms for one in moved]


def test_only_the_first_hours_are_played() -> None:
    early, late = vitals("10:00", "a", heart_rate_per_min=80), vitals("15:30", "a", heart_rate_per_min=82)
    assert len(list(shifted([early, late], BEGINS, 5))) == 1


def test_a_dose_that_is_put_in_takes_its_turn() -> None:
    played = schedule([], BEGINS, 1)
    played.add(BEGINS + 5 * HOUR, vitals("05:00", "a", heart_rate_per_min=80))
    sent = list(played.due(BEGINS + 6 * HOUR))
    received = [to_ms(event["received_at"]) for event in sent]
    assert received == sorted(received)
    assert sum(event["patient_id"] == "a" for event in sent) == 1
    assert list(played.due(BEGINS + 6 * HOUR)) == []


class Hand:
    """A clock turned by hand, and a worker that is so far behind."""

    def __init__(self, play: Schedule, seconds: float) -> None:
        self.now = 0.0
        self.lag = 0
        self.pace = StoryClock(play, seconds, lambda: self.lag, lambda: self.now)

    def turn(self, seconds: float) -> int:
        self.now += seconds
        self.pace.advance()
        return self.pace.at


def test_the_story_takes_the_time_it_was_given() -> None:
    hand = Hand(Schedule(0, 100 * HOUR), 50)
    assert hand.turn(25) == 50 * HOUR
    assert hand.pace.ticked_at < hand.pace.at
    assert hand.turn(30) == 100 * HOUR
    assert hand.pace.ended
    assert not hand.pace.shortened


def test_the_story_waits_for_a_worker_that_is_behind() -> None:
    hand = Hand(Schedule(0, 100 * HOUR), 50)
    hand.lag = BEHIND_ALLOWED + 1
    assert hand.turn(10) == 0
    hand.lag = BEHIND_ALLOWED
    assert hand.turn(10) == 20 * HOUR


def test_on_a_slow_machine_the_story_is_cut_short() -> None:
    play = Schedule(0, 100 * HOUR)
    hand = Hand(play, 50)
    hand.turn(5)
    hand.lag = BEHIND_ALLOWED + 1
    hand.turn(50 * LONGEST)
    assert hand.pace.shortened
    assert hand.pace.ended
    assert play.ends == 10 * HOUR


def page_message(**data: Any) -> dict[str, Any]:
    known = {"text": "CRS grade rose", "bed": "7", "unit": "West", "reference": "r-1", "grade": 3, "priority": "high"}
    return {"type": "crs.alert.trigger", "data": known | data}


def post(pager: DemoPager, message: dict[str, Any], secret: str = SECRET) -> int:
    body, at = json.dumps(message), datetime.now(UTC)
    signed = {
        "webhook-id": "m-1",
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(secret).sign("m-1", at, body),
    }
    try:
        with urllib.request.urlopen(urllib.request.Request(pager.hook, body.encode(), signed), timeout=5) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as refused:
        return refused.code


def test_the_pager_shows_what_it_got() -> None:
    with listening(SECRET) as pager:
        assert post(pager, page_message()) == 204
        with urllib.request.urlopen(pager.address, timeout=5) as answer:
            page = answer.read().decode()
    assert "CRS grade rose" in page
    assert "1 trigger" in page
    assert "not a medical device" in page


def test_the_pager_takes_nothing_from_strangers() -> None:
    with listening(SECRET) as pager:
        assert post(pager, page_message(), "whsec_" + "QUJD" * 8) == 401
        assert not pager.pages


def test_what_the_pager_shows_cannot_become_part_of_its_page() -> None:
    pager = DemoPager(SECRET)
    pager.pages.append(page_message(text="<script>alert(1)</script>", unit=None))
    assert "<script>" not in pager.page()


def start(tmp_path: Path, *options: str) -> subprocess.Popen[str]:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    command = [sys.executable, "-m", "agents.cli.main", "demo", "--report", str(tmp_path / "report.html"), *options]
    return subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=os.environ | {"TMPDIR": str(temporary)},
    )


def left_behind(tmp_path: Path) -> list[str]:
    """Processes that know of this test's folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            description = (process / "cmdline").read_bytes() + (process / "environ").read_bytes()
        except OSError:
            continue
        if str(tmp_path).encode() in description and int(process.name) != os.getpid():
            found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode())
    return found


@pytest.mark.slow
def test_the_whole_system_runs_proves_itself_and_leaves_nothing_behind(tmp_path: Path) -> None:
    process = start(tmp_path, "--hours", "3", "--seconds", "8")
    output, _ = process.communicate(timeout=280)
    assert process.returncode == 0, output
    assert "verify: ok." in output
    assert "CRS suspected: episode 1 began" in output
    assert "The pager got" in output
    assert 'id="patient-1"' in (tmp_path / "report.html").read_text(encoding="utf-8")
    assert left_behind(tmp_path) == []
    assert list((tmp_path / "temporary").iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize("seconds", [0, 0.5, 4])
def test_control_c_ends_it_cleanly_at_any_moment(seconds: float, tmp_path: Path) -> None:
    process = start(tmp_path)
    assert process.stdout is not None
    assert "Starting" in process.stdout.readline()
    time.sleep(seconds)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 130, output
    assert "Traceback" not in output
    assert output.strip().endswith("crs-monitor: stopped")
    assert left_behind(tmp_path) == []
    assert list((tmp_path / "temporary").iterdir()) == []
