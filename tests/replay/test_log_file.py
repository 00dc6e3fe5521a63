"""A file with records of the log: every byte comes back, and a file that is not one is refused with its line."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.engine.log_lines import LAST_TIMESTAMP, LogLine, decode_line, encode_line
from agents.engine.partitioning import partition_of
from agents.platform.errors import UserError
from agents.replay.log_file import LogFile
from tests.replay.event_files import at, lines, vitals
from tests.replay.logged_ward import BAD_VALUES
from tests.replay.test_replay import replay

T0 = 1_772_323_200_000  # 1 March 2026, 00:00 UTC
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda one: st.lists(one) | st.dictionaries(st.text(), one),
)
VALUES = st.one_of(
    st.none(),
    st.binary(),
    st.sampled_from(BAD_VALUES),
    st.builds(lambda value, indent: json.dumps(value, indent=indent).encode(), JSON_VALUES, st.sampled_from([None, 1])),
)
RECORDS = st.builds(
    LogLine,
    st.integers(0, 4095),
    st.integers(0, 2**63 - 1),
    st.integers(-1, LAST_TIMESTAMP),
    st.none() | st.binary() | st.text().map(lambda text: text.encode("utf-8", "replace")),
    VALUES,
)


def record(offset: int, event: dict[str, Any], *, partition: int = 0, **fields: Any) -> dict[str, Any]:
    key = event.get("patient_id")
    timestamp = T0 + offset * 1000
    return {"partition": partition, "offset": offset, "timestamp": timestamp, "key": key, "value": event} | fields


def fever(offset: int, patient: str = "p", **fields: Any) -> dict[str, Any]:
    return record(offset, vitals("00:00", patient, temperature_celsius=38.9), **fields)


def write(path: Path, *content: dict[str, Any] | str) -> Path:
    path.write_text("".join((one if isinstance(one, str) else json.dumps(one)) + "\n" for one in content))
    return path


@given(RECORDS)
def test_every_record_comes_back_from_its_line(one: LogLine) -> None:
    line = encode_line(one)
    assert decode_line(line) == one
    assert b"\n" not in line
    assert set(json.loads(line)) == {"partition", "offset", "timestamp", "key", "value"}


def test_an_event_is_an_object_with_its_own_bytes_and_anything_else_is_base64() -> None:
    event = b'{"type": "tick",  "effective_at": "2026-03-01T10:00:00Z", "x": 1.0, "x": 1e2}'
    assert encode_line(LogLine(1, 2, 3, None, event)).endswith(b'"key":null,"value":' + event + b"}")
    for value in (b"[1]", b'"text"', b"null", b"{\n}", b" {}", b"{", b"\xff", b""):
        written = json.loads(encode_line(LogLine(1, 2, 3, b"p", value)))
        assert isinstance(written["value"], str), value


def test_a_line_written_by_others_is_read_too() -> None:
    line = b' {"value" : {"a": [1, 2]} , "key": "\\u00fc", "timestamp":-1, "offset":0, "partition":0, "more": true}\r\n'
    assert decode_line(line) == LogLine(0, 0, -1, "ü".encode(), b'{"a": [1, 2]}')


WRONG: dict[str, tuple[list[dict[str, Any] | str], str]] = {
    "no JSON": ([fever(0), "{broken"], ":2: "),
    "an array": (["[1, 2]"], ":1: Expected `object`, got `array`"),
    "an event, not a record": (
        [vitals("10:00", heart_rate_per_min=80)],
        ":1: Object missing required field `partition`",
    ),
    "no offset": ([{k: v for k, v in fever(0).items() if k != "offset"}], ":1: Object missing required field `offset`"),
    "no value": ([{k: v for k, v in fever(0).items() if k != "value"}], ":1: Object missing required field `value`"),
    "an offset below 0": ([fever(-1)], ":1: Expected `int` >= 0 - at `$.offset`"),
    "a time that is a text": ([fever(0, timestamp=at("10:00"))], ":1: Expected `int`, got `str` - at `$.timestamp`"),
    "a time after the year 9999": ([fever(0, timestamp=LAST_TIMESTAMP + 1)], ":1: Expected `int` <="),
    "a value that is a number": ([fever(0, value=7)], ":1: Expected an event (`object`), base64 (`str`) or `null`"),
    "a value that is no base64": ([fever(0, value="a?")], ":1: Invalid base64"),
    "a cut last line": ([fever(0), json.dumps(fever(1))[:-9]], ":2: JSON is malformed"),
    "an offset that goes back": ([fever(0), fever(2), fever(1)], ":3: offset 1 of partition 0 comes after offset 2"),
    "an offset twice": ([fever(0), fever(0)], ":2: offset 0 of partition 0 comes after offset 0"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_no_log_is_refused_with_file_and_line(name: str, tmp_path: Path) -> None:
    content, words = WRONG[name]
    path = write(tmp_path / "log", *content)
    done = replay("--from-log", path, "--alerts", tmp_path / "alerts")
    assert done.exit_code == 2, done.output
    assert f"{path}{words}" in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "alerts").exists(), "nothing is judged of a file that is wrong at its end"


def test_partitions_may_be_mixed(tmp_path: Path) -> None:
    names = {partition_of(name.encode(), 2): name for name in "abcdefgh"}
    content = [fever(n, names[p], partition=p) for n in range(3) for p in (1, 0)]
    done = replay("--from-log", write(tmp_path / "log", *content), "--state", tmp_path / "state")
    assert done.exit_code == 0, done.stderr
    assert [state["patient_id"] for state in lines(tmp_path / "state")] == sorted(names.values())


def test_a_log_without_its_last_partitions_needs_their_number(tmp_path: Path) -> None:
    """One partition of twelve: if the log had five, most of its patients would belong elsewhere."""
    patients = [name for name in map(str, range(200)) if partition_of(name.encode(), 12) == 4]
    path = write(tmp_path / "log", *(fever(n, name, partition=4) for n, name in enumerate(patients)))
    with pytest.raises(UserError, match=r"do not belong to their partition if the log has 5: .*--partitions"):
        LogFile(str(path))
    done = replay("--from-log", path, "--partitions", "12", "--state", tmp_path / "state")
    assert done.exit_code == 0, done.stderr
    assert len(lines(tmp_path / "state")) == len(patients)
    assert "has partition 4" in replay("--from-log", path, "--partitions", "1").stderr


def test_half_of_the_patients_elsewhere_are_forwarded_as_the_worker_forwards_them(tmp_path: Path) -> None:
    names = {partition_of(name.encode(), 2): name for name in "abcdefgh"}
    path = write(tmp_path / "log", record(0, {"type": "tick"}, partition=1), fever(0, names[0]), fever(1, names[1]))
    done = replay("--from-log", path, "--state", tmp_path / "state")
    assert done.exit_code == 3, "the tick without a time is a dead letter"
    assert [state["patient_id"] for state in lines(tmp_path / "state")] == [names[0]]


def test_a_log_that_is_not_whole_is_replayed_with_a_warning(tmp_path: Path) -> None:
    done = replay("--from-log", write(tmp_path / "log", fever(7), fever(9)), "--alerts", tmp_path / "alerts")
    assert done.exit_code == 0, done.stderr
    head, gap = done.stderr.splitlines()
    assert "partition 0 (at offset 7) begins later" in head
    assert "may get other grades and alerts than the worker gave" in head
    assert "offsets are missing within partition 0 (1)" in gap
    assert lines(tmp_path / "alerts"), "the rest is judged"
    assert replay("--from-log", write(tmp_path / "whole", fever(0), fever(1))).stderr == ""


def test_an_unknown_type_of_record_is_a_dead_letter_of_the_log(tmp_path: Path) -> None:
    later = record(0, {"type": "from a later release", "effective_at": at("10:00")}, key=None)
    done = replay("--from-log", write(tmp_path / "log", later), "--dead-letters", tmp_path / "dead")
    assert done.exit_code == 3
    (letter,) = lines(tmp_path / "dead")
    assert (letter["reason"], letter["topic"], letter["offset"]) == ("unknown_type", "crs.patient-events", 0)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--from-log", "{log}", "{log}"], "not both"),
        (["--from-log", "{log}", "--clif", "{log}"], "not both"),
        (["{log}", "--partitions", "3"], "--partitions is about the log: it needs --from-log FILE"),
        (["{log}", "--topic-prefix", "x."], "--topic-prefix is about the log"),
        (["--from-log", "{log}", "--alerts", "{log}"], "reads or writes this file already"),
        (["--from-log", "{log}.none"], "No such file or directory; expected a record of the log"),
        (["--from-log", "{log}.gz"], "compressed: try `gunzip -c FILE | crs-monitor replay --from-log -`"),
    ],
)
def test_options_that_do_not_fit_are_one_line_and_exit_2(arguments: list[str], words: str, tmp_path: Path) -> None:
    log = write(tmp_path / "log", fever(0))
    (tmp_path / "log.gz").write_bytes(gzip.compress(log.read_bytes()))
    done = replay(*(one.replace("{log}", str(log)) for one in arguments))
    assert done.exit_code == 2
    assert words in done.stderr
    assert done.stderr.count("\n") == 1
