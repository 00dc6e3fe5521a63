"""`crs-monitor replay`: what goes in, what comes out, and with which exit code."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from agents.cli.main import main
from schemas.alerts import Alert
from schemas.dead_letters import DeadLetter
from schemas.state import PatientState
from tests.replay.event_files import at, context, course, line, lines, medication, tick, vitals, write


def replay(*arguments: str | Path, stdin: bytes = b"") -> Result:
    return CliRunner().invoke(main, ["replay", *map(str, arguments)], input=stdin)


def alert_changes(alerts: Path) -> list[tuple[str, str]]:
    return [(alert["kind"], alert["status"]) for alert in lines(alerts)]


def test_a_fever_and_a_low_pressure_come_out_as_onset_grade_2_and_a_dose(tmp_path: Path) -> None:
    file = write(tmp_path / "in", *course())
    done = replay(file, "--alerts", tmp_path / "alerts")
    assert done.exit_code == 0, done.stderr
    raised = [kind for kind, status in alert_changes(tmp_path / "alerts") if status == "raised"]
    assert sorted(raised) == ["dose_indicated", "escalation", "onset", "step", "step"]
    assert ("dose_indicated", "resolved") in alert_changes(tmp_path / "alerts")
    assert all(Alert.model_validate_json(json.dumps(alert)) for alert in lines(tmp_path / "alerts"))


def test_without_files_for_the_answers_a_summary_says_what_was_found(tmp_path: Path) -> None:
    done = replay(write(tmp_path / "in", *course()))
    assert done.exit_code == 0
    for words in ("1 (0.0 patient-days)", "escalation", "highest grade", "not a medical device"):
        assert words in done.stdout
    assert done.stderr == ""


def test_standard_input_is_read_when_the_file_is_a_dash(tmp_path: Path) -> None:
    done = replay("-", "--alerts", tmp_path / "alerts", stdin=b"\n".join(map(line, course())))
    assert done.exit_code == 0
    assert alert_changes(tmp_path / "alerts")[0] == ("onset", "raised")


def test_alerts_on_standard_output_are_all_that_stands_there(tmp_path: Path) -> None:
    done = replay(write(tmp_path / "in", *course()), "--alerts", "-", "--state", "-")
    content = [json.loads(one) for one in done.stdout_bytes.splitlines()]
    assert [one.get("kind") for one in content[:1]] == ["onset"]
    assert content[-1]["monitoring"] == "live"
    assert "highest grade" in done.stderr


def test_several_files_are_played_as_one_whatever_their_order(tmp_path: Path) -> None:
    signs, drugs = [one for one in course() if one["type"] != "medication"], [course()[-1]]
    one, two = write(tmp_path / "vitals", *signs), write(tmp_path / "drugs", *drugs)
    replay(one, two, "--alerts", tmp_path / "a")
    replay(two, one, "--alerts", tmp_path / "b")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert ("dose_indicated", "resolved") in alert_changes(tmp_path / "a")


def test_the_same_input_gives_the_same_bytes(tmp_path: Path) -> None:
    file = write(tmp_path / "in", *course("a"), *course("b", 11), b"{")
    for name in ("one", "two"):
        replay(file, *(x for o in ("alerts", "state", "dead-letters") for x in (f"--{o}", tmp_path / f"{name}-{o}")))
    for output in ("alerts", "state", "dead-letters"):
        first = (tmp_path / f"one-{output}").read_bytes()
        assert first
        assert first == (tmp_path / f"two-{output}").read_bytes()


def test_every_malformed_line_is_a_dead_letter_with_its_place_and_the_run_goes_on(tmp_path: Path) -> None:
    naive = vitals("10:05", heart_rate_per_min=80) | {"effective_at": "2026-03-01T10:05:00"}
    content: list[dict[str, Any] | str | bytes] = [
        course()[0],
        b"not json",
        naive,
        "",
        b"\xff\xfe",
        *course()[1:],
        {"type": "vitals"},
    ]
    done = replay(
        write(tmp_path / "in", *content), "--alerts", tmp_path / "alerts", "--dead-letters", tmp_path / "dead"
    )
    assert done.exit_code == 3
    letters = [DeadLetter.model_validate_json(one) for one in (tmp_path / "dead").read_bytes().splitlines()]
    assert [(one.offset, one.reason) for one in letters] == [
        (2, "not_json"),
        (3, "naive_time"),
        (5, "not_utf8"),
        (10, "missing_field"),
    ]
    assert letters[0].original() == b"not json"
    assert all(one.detail.startswith(f"{tmp_path / 'in'}:{one.offset}: ") for one in letters)
    assert "4 dead letters: " in done.stderr
    for reason in ("1 not_json", "1 naive_time", "1 not_utf8", "1 missing_field"):
        assert reason in done.stderr
    assert ("dose_indicated", "resolved") in alert_changes(tmp_path / "alerts")


def test_one_implausible_signal_is_set_aside_and_the_rest_of_its_event_counts(tmp_path: Path) -> None:
    content = vitals("10:00", temperature_celsius=38.4, systolic_mmhg=900)
    done = replay(write(tmp_path / "in", content), "--alerts", tmp_path / "alerts", "--dead-letters", tmp_path / "dead")
    assert done.exit_code == 3
    assert alert_changes(tmp_path / "alerts")[0] == ("onset", "raised")
    (letter,) = lines(tmp_path / "dead")
    assert (letter["reason"], letter["offset"]) == ("implausible_value", 1)
    assert "900" not in done.stderr


def test_an_event_from_the_future_is_set_aside(tmp_path: Path) -> None:
    content = vitals("12:00", temperature_celsius=39.0) | {"received_at": at("10:00")}
    done = replay(write(tmp_path / "in", content), "--dead-letters", tmp_path / "dead")
    assert done.exit_code == 3
    assert [one["reason"] for one in lines(tmp_path / "dead")] == ["from_the_future"]


def test_a_repeated_line_changes_nothing(tmp_path: Path) -> None:
    once, twice = write(tmp_path / "in", *course()), write(tmp_path / "in2", *(one for one in course() for _ in "ab"))
    replay(once, "--alerts", tmp_path / "a")
    assert replay(twice, "--alerts", tmp_path / "b").exit_code == 0
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_unknown_fields_are_counted_and_no_error(tmp_path: Path) -> None:
    done = replay(write(tmp_path / "in", vitals("10:00", heart_rate_per_min=80) | {"mood": "good"}))
    assert done.exit_code == 0
    assert "unknown fields" in done.stdout
    assert "1 mood" in done.stdout


def test_the_repeat_dose_is_due_eight_hours_on_to_the_second_without_any_event(tmp_path: Path) -> None:
    file = write(tmp_path / "in", *course())
    for until, expected in (("18:39:59", False), ("18:40", True)):
        replay(file, "--alerts", tmp_path / "alerts", "--until", at(until))
        assert (("repeat_dose_eligible", "raised") in alert_changes(tmp_path / "alerts")) is expected
    due = next(alert for alert in lines(tmp_path / "alerts") if alert["kind"] == "repeat_dose_eligible")
    assert due["raised_at"] == "2026-03-01T18:40:00Z"


def test_the_same_ticks_may_stand_in_the_file(tmp_path: Path) -> None:
    replay(write(tmp_path / "in", *course(), tick("18:40")), "--alerts", tmp_path / "recorded")
    replay(write(tmp_path / "in2", *course()), "--until", at("18:40"), "--alerts", tmp_path / "inserted")
    assert (tmp_path / "recorded").read_bytes() == (tmp_path / "inserted").read_bytes()


def test_what_comes_after_until_is_left_out_and_reported(tmp_path: Path) -> None:
    done = replay(write(tmp_path / "in", *course()), "--until", at("10:10"), "--state", tmp_path / "state")
    assert done.exit_code == 0
    assert "2 events that came after --until" in done.stdout
    (state,) = lines(tmp_path / "state")
    assert (state["grade"], state["as_of"]) == (1, "2026-03-01T10:10:00Z")


def test_an_until_before_everything_gives_an_empty_ward(tmp_path: Path) -> None:
    file = write(tmp_path / "in", *course())
    done = replay(file, "--until", at("00:00"), "--alerts", tmp_path / "alerts", "--report", tmp_path / "r.html")
    assert done.exit_code == 0
    assert (tmp_path / "alerts").read_bytes() == b""
    assert "5 events that came after --until" in done.stdout


def test_a_late_event_counts_from_the_bedside(tmp_path: Path) -> None:
    late = course()[-1] | {"received_at": at("13:00")}
    replay(write(tmp_path / "in", *course()[:-1], late), "--until", at("18:40"), "--alerts", tmp_path / "alerts")
    assert ("repeat_dose_eligible", "raised") in alert_changes(tmp_path / "alerts")


def test_there_is_one_state_a_patient(tmp_path: Path) -> None:
    replay(write(tmp_path / "in", *course("b"), *course("a", 12)), "--state", tmp_path / "state")
    states = [PatientState.model_validate_json(one) for one in (tmp_path / "state").read_bytes().splitlines()]
    assert [(one.patient_id, one.grade, one.tocilizumab.count_total) for one in states] == [("a", 2, 1), ("b", 2, 1)]


def test_a_merge_is_followed(tmp_path: Path) -> None:
    joined = context("11:00", "p", merged_into="q")
    after = vitals("11:10", "p", heart_rate_per_min=90)
    file = write(tmp_path / "in", *course(), vitals("09:00", "q", heart_rate_per_min=80), joined, after)
    assert replay(file, "--state", tmp_path / "state").exit_code == 0
    left, stays = lines(tmp_path / "state")
    assert (left["context"]["merged_into"], left["grade"]) == ("q", 0)
    assert (stays["patient_id"], stays["grade"], stays["latest"]["heart_rate_per_min"]["value"]) == ("q", 2, 90)


def test_the_profile_decides_on_one_vasopressor_at_a_low_dose(tmp_path: Path) -> None:
    drip = medication("10:30", "norepinephrine", "started", rate=5, rate_unit="mcg/min")
    file = write(tmp_path / "in", *course()[:4], drip)
    grades = {}
    for profile in ("house", "astct-2019"):
        replay(file, "--profile", profile, "--state", tmp_path / "state")
        (state,) = lines(tmp_path / "state")
        grades[profile] = (state["grade"], state["astct_grade"])
    assert grades == {"house": (2, 3), "astct-2019": (3, 3)}


UNUSABLE: list[tuple[list[str], str]] = [
    (["{tmp}/nothing"], "expected events as JSON"),
    (["{tmp}"], "expected events as JSON"),
    (["{tmp}/stays.parquet"], "--clif"),
    (["--clif", "{tmp}"], "expected a CLIF 2.x data set"),
    (["--clif", "{tmp}/in"], "expected a CLIF 2.x data set"),
    (["{tmp}/in", "--clif", "{tmp}"], "not both"),
    ([], "nothing to replay"),
    (["-", "-"], "once only"),
    (["{tmp}/in", "--profile", "lee"], "astct-2019, house"),
    (["{tmp}/in", "--until", "2026-03-01T10:00:00"], "offset"),
    (["{tmp}/in", "--until", "tomorrow"], "offset"),
    (["{tmp}/in", "--alerts", "{tmp}/in"], "name another file"),
    (["{tmp}/in", "--alerts", "{tmp}/out", "--state", "{tmp}/out"], "name another file"),
    (["{tmp}/in", "--alerts", "{tmp}/in/deeper"], "cannot be written"),
]


@pytest.mark.parametrize(("arguments", "words"), UNUSABLE)
def test_what_cannot_be_used_is_one_line_and_exit_2(tmp_path: Path, arguments: list[str], words: str) -> None:
    write(tmp_path / "in", *course())
    (tmp_path / "stays.parquet").write_bytes(b"PAR1....")
    done = replay(*(one.replace("{tmp}", str(tmp_path)) for one in arguments))
    assert done.exit_code == 2
    assert words in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert done.stdout == ""


def test_the_input_survives_an_output_of_the_same_name(tmp_path: Path) -> None:
    file = write(tmp_path / "in", *course())
    (tmp_path / "alias").symlink_to(file)
    before = Path(file).read_bytes()
    assert replay(file, "--alerts", tmp_path / "alias").exit_code == 2
    assert Path(file).read_bytes() == before


def run(arguments: list[str], **settings: Any) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "agents.cli.main", *arguments]
    return subprocess.run(command, capture_output=True, timeout=60, **settings)


def test_as_a_program_it_reads_a_pipe_and_sets_its_exit_code(tmp_path: Path) -> None:
    done = run(["replay", "-", "--alerts", "-"], input=b"\n".join([*map(line, course()), b"?"]))
    assert done.returncode == 3
    assert json.loads(done.stdout.splitlines()[0])["kind"] == "onset"
    assert b"Traceback" not in done.stderr
