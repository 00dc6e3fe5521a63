"""The exported log: whole or not there at all, and exactly the records that were checked."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from agents.engine.log_lines import LogLine, decode_line
from agents.platform.errors import UserError
from agents.verify.log_export import LogExport
from agents.verify.reader import StoredRecord
from tests.verify.installation import LOG, PARTITIONS, Installation, a_day_on_the_ward

RECORD = StoredRecord(0, 1, b"p", b'{"type": "tick"}')


@pytest.fixture(scope="module")
def day() -> Installation:
    return a_day_on_the_ward(patients=2, hours=6)


def test_all_partitions_in_the_order_of_each(day: Installation, tmp_path: Path) -> None:
    with LogExport(str(tmp_path / "log")) as file:
        assert day.verify(export=file.write).ok
    found = [decode_line(line) for line in (tmp_path / "log").read_bytes().splitlines()]
    assert found == [LogLine(p, *record[:4]) for p in range(PARTITIONS) for record in day.topics.records[LOG, p]]
    assert file.written == len(found) > 0


def test_records_that_no_worker_has_judged_are_left_out(tmp_path: Path) -> None:
    day = a_day_on_the_ward(patients=2, hours=6)
    judged = [len(day.topics.records[LOG, p]) for p in range(PARTITIONS)]
    day.tick()
    with LogExport(str(tmp_path / "log")) as file:
        assert day.verify(export=file.write).breaches == {"marker_behind": PARTITIONS}
    partitions = [json.loads(line)["partition"] for line in (tmp_path / "log").read_bytes().splitlines()]
    assert [partitions.count(p) for p in range(PARTITIONS)] == judged


def test_a_broken_export_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"yesterday's\n")
    with pytest.raises(KeyboardInterrupt), LogExport(str(path)) as file:  # noqa: PT012
        file.write(0, RECORD)
        raise KeyboardInterrupt
    assert path.read_bytes() == b"yesterday's\n"
    assert os.listdir(tmp_path) == ["log"]


def test_until_it_is_complete_nothing_has_its_name(tmp_path: Path) -> None:
    path = tmp_path / "new directory" / "log"
    with LogExport(str(path)) as file:
        file.write(0, RECORD)
        assert not path.exists()
    assert path.read_bytes().count(b"\n") == 1
    assert path.stat().st_mode & 0o077 == 0, "it holds patients' data: only its owner reads it"
    assert os.listdir(path.parent) == ["log"]


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").write_bytes(b"")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with LogExport(str(tmp_path / "link")) as file:
        file.write(0, RECORD)
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_bytes() != b""


def test_a_full_disk_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(UserError, match="log: cannot be written: No space left"), LogExport(str(tmp_path / "log")):
        pass
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(("name", "words"), [("-", "name a file"), ("/dev/null", "not a file"), (".", "not a file")])
def test_what_is_no_file_is_refused(name: str, words: str) -> None:
    with pytest.raises(UserError, match=words):
        LogExport(name)
