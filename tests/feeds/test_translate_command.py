"""`crs-monitor translate` and `replay --hl7 / --fhir`: exit codes, files, and one clock."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from agents.cli.main import main
from schemas.decode import decode
from schemas.decoded import Decoded
from tests.feeds.test_registry import FHIR, HL7
from tests.replay.event_files import vitals, write

SECOND = HL7.replace(b"|1|P|", b"|2|P|").replace(b"100000+", b"100500+").replace(b"100001+", b"100501+")
FEVER = HL7.replace(b"8867-4^HR^LN||80|/min", b"8310-5^T^LN||38.5|Cel")


def run(*arguments: str, stdin: bytes = b"", env: dict[str, str] | None = None) -> Result:
    """Runs the command line."""
    return CliRunner().invoke(main, list(arguments), input=stdin, env=env or {})


def lines(path: Path) -> list[dict[str, Any]]:
    """A file of NDJSON."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.fixture
def messages(tmp_path: Path) -> Path:
    """A file with two good messages and one of another kind."""
    path = tmp_path / "feed.hl7"
    path.write_bytes(HL7 + b"\r\n" + b"not HL7\r\n".replace(b"not HL7", b"MSH|x") + SECOND)
    return path


def test_events_are_printed_in_order_and_the_exit_code_is_3_with_dead_letters(messages: Path, tmp_path: Path) -> None:
    letters, summary = tmp_path / "letters.ndjson", tmp_path / "summary.json"
    done = run("translate", "--from", "hl7", str(messages), "--dead-letters", str(letters), "--summary", str(summary))
    assert done.exit_code == 3
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert [event["effective_at"][11:16] for event in events] == ["10:00", "10:05"]
    assert all(isinstance(decode(line.encode()), Decoded) for line in done.stdout.splitlines())
    assert "1 dead letters: 1 not_hl7" in done.stderr
    (letter,) = lines(letters)
    assert (letter["reason"], letter["topic"], letter["offset"]) == ("not_hl7", None, 2)
    assert json.loads(summary.read_text(encoding="utf-8")) == {
        "messages": 3,
        "events": {"vitals": 2},
        "dead_letters": {"not_hl7": 1},
        "unmapped": [],
        "left_out": {},
    }


def test_standard_input_and_exit_code_0() -> None:
    done = run("translate", "--from", "hl7", "-", stdin=HL7)
    assert done.exit_code == 0
    assert json.loads(done.stdout)["heart_rate_per_min"] == 80
    done = run("translate", "--from", "fhir", "-", stdin=FHIR)
    assert json.loads(done.stdout)["patient_id"] == "4711"


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("translate", "--from", "hl7", "missing.hl7"), "missing.hl7: No such file"),
        (("translate", "--from", "hl7"), "Missing argument"),
        (("translate", "--from", "fax", "-"), "'fax' is not one of"),
        (("translate", "--from", "hl7", "-", "-"), "given once only"),
        (("translate", "--from", "hl7", "-", "--feeds", "missing.toml"), "missing.toml: No such file"),
        (("replay", "--hl7", "missing.hl7"), "missing.hl7: No such file"),
        (("replay", "-", "--hl7", "-"), "given once only"),
        (("replay", "--clif", "x", "--hl7", "y"), "give one input"),
    ],
)
def test_usage_and_unreadable_input_is_exit_code_2(arguments: tuple[str, ...], complaint: str) -> None:
    done = run(*arguments)
    assert done.exit_code == 2
    assert complaint in done.stderr


def test_settings_come_from_the_environment_too(tmp_path: Path) -> None:
    feeds = tmp_path / "feeds.toml"
    feeds.write_text('patient_identifier = ["PI"]\n', encoding="utf-8")
    done = run("translate", "--from", "hl7", "-", stdin=HL7, env={"CRS_FEEDS_FILE": str(feeds)})
    assert done.exit_code == 3
    assert "[no_patient]" in done.stderr
    feeds.write_text("zone = 1\n", encoding="utf-8")
    assert run("translate", "--from", "hl7", "-", stdin=HL7, env={"CRS_FEEDS_FILE": str(feeds)}).exit_code == 2


def test_a_message_over_longest_bytes_is_too_large(tmp_path: Path) -> None:
    feeds = tmp_path / "feeds.toml"
    feeds.write_text("[mllp]\nlongest_bytes = 1024\n", encoding="utf-8")
    long = HL7 + b"NTE|1||" + b"x" * 2000 + b"\r"
    done = run("translate", "--from", "hl7", "-", "--feeds", str(feeds), stdin=long + SECOND)
    assert done.exit_code == 3
    assert "[too_large]" in done.stderr
    assert len(done.stdout.splitlines()) == 1


def test_replay_of_a_feed_is_translate_piped_into_replay(messages: Path, tmp_path: Path) -> None:
    piped = run("translate", "--from", "hl7", str(messages)).stdout.encode()
    states = [tmp_path / "a.ndjson", tmp_path / "b.ndjson"]
    assert run("replay", "-", "--state", str(states[0]), stdin=piped).exit_code == 0
    direct = run("replay", "--hl7", str(messages), "--state", str(states[1]), "--dead-letters", str(tmp_path / "d"))
    assert direct.exit_code == 3
    assert "[not_hl7]" in direct.stderr
    assert lines(states[0]) == lines(states[1])
    assert [letter["offset"] for letter in lines(tmp_path / "d")] == [2]


def test_feeds_and_events_are_played_by_one_clock(tmp_path: Path) -> None:
    """Fever over HL7 at 10:00, a cannula as an event at 10:02, a device over FHIR at 10:00: one patient, grade 2."""
    hl7, fhir = tmp_path / "a.hl7", tmp_path / "a.json"
    hl7.write_bytes(FEVER + SECOND)
    fhir.write_bytes(FHIR)
    events = write(tmp_path / "e.ndjson", vitals("10:02", patient="4711", oxygen_device="nasal_cannula"))
    done = run(
        "replay", events, "--hl7", str(hl7), "--fhir", str(fhir), "--state", str(tmp_path / "s"), "--alerts", "-"
    )
    assert done.exit_code == 0, done.stderr
    (state,) = lines(tmp_path / "s")
    assert state["grade"] == 2
    raised = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert [one["raised_at"] for one in raised] == sorted(one["raised_at"] for one in raised)


def test_several_files_of_a_feed_are_merged_by_when_they_were_sent(tmp_path: Path) -> None:
    early, late = tmp_path / "early.hl7", tmp_path / "late.hl7"
    early.write_bytes(HL7)
    late.write_bytes(SECOND)
    done = run("replay", "--hl7", str(late), "--hl7", str(early), "--state", "-")
    state = json.loads(next(line for line in done.stdout.splitlines() if line.startswith("{")))
    assert state["latest"]["heart_rate_per_min"]["effective_at"][11:16] == "10:05"


@pytest.mark.parametrize("form", ["resource", "bundle", "ndjson", "two files"])
def test_fhir_comes_as_a_resource_a_bundle_or_bulk_data(tmp_path: Path, form: str) -> None:
    """All patients of all files are known before the first event is made."""
    observation = json.loads(FHIR) | {"subject": {"reference": "Patient/p"}}
    identifier = {"type": {"coding": [{"code": "MR"}]}, "value": "4711"}
    patient = {"resourceType": "Patient", "id": "p", "identifier": [identifier]}
    bundle = {"resourceType": "Bundle", "type": "batch", "entry": [{"resource": observation}, {"resource": patient}]}
    texts = {
        "resource": [json.dumps(json.loads(FHIR), indent=2)],
        "bundle": [json.dumps(bundle, indent=1)],
        "ndjson": ["\n".join(map(json.dumps, (observation, patient)))],
        "two files": [json.dumps(observation), json.dumps(patient)],
    }[form]
    paths = [tmp_path / f"{number}.json" for number in range(len(texts))]
    for path, text in zip(paths, texts, strict=True):
        path.write_text("\ufeff" + text, encoding="utf-8")
    done = run("translate", "--from", "fhir", *map(str, paths))
    assert done.exit_code == 0, done.stderr
    assert [json.loads(line)["patient_id"] for line in done.stdout.splitlines()] == ["4711"]


def test_a_bad_line_of_bulk_data_is_one_dead_letter(tmp_path: Path) -> None:
    path = tmp_path / "a.ndjson"
    path.write_text('{"resourceType": "Obs\n' + json.dumps(json.loads(FHIR)) + "\n", encoding="utf-8")
    done = run("translate", "--from", "fhir", str(path))
    assert done.exit_code == 3
    assert len(done.stdout.splitlines()) == 1
    assert f"{path}:1: " in done.stderr


@pytest.mark.parametrize("text", ["{", "[]", '{"a": 1}', '{"resourceType": "Observation"\n"id": 1}', "<xml/>"])
def test_what_is_no_fhir_is_one_dead_letter(tmp_path: Path, text: str) -> None:
    path = tmp_path / "a.json"
    path.write_text(text, encoding="utf-8")
    done = run("translate", "--from", "fhir", str(path))
    assert done.exit_code == 3
    assert "1 dead letters: 1 not_fhir" in done.stderr
