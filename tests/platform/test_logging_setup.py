"""One log setup for every process: our lines from the asked level on, libraries only from warnings on."""

from __future__ import annotations

import logging
import subprocess
import sys

import pytest

from agents.platform.logging_setup import RepeatFilter

PROGRAM = """
import logging, sys
from agents.platform.logging_setup import JSON_LINE, limit_repeats, set_up_logging
{setup}
for name in ("crs.worker", "aiokafka.client"):
    for level in ("info", "warning", "error"):
        getattr(logging.getLogger(name), level)("%s of %s", level, name)
"""


def lines(setup: str) -> list[str]:
    """What a process with this log setup writes to standard error."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(setup=setup)], capture_output=True, text=True, check=True
    )
    assert done.stdout == ""
    return done.stderr.splitlines()


@pytest.mark.parametrize(
    ("setup", "expected"),
    [
        ("set_up_logging()", ["info c", "warning c", "error c", "warning a", "error a"]),
        ("set_up_logging('error')", ["error c", "error a"]),
        ("set_up_logging(libraries=logging.ERROR)", ["info c", "warning c", "error c", "error a"]),
    ],
)
def test_libraries_are_quieter_than_we_are(setup: str, expected: list[str]) -> None:
    found = [f"{words[-3]} {words[-1][0]}" for words in (line.split() for line in lines(setup))]
    assert found == expected


def test_a_line_has_time_level_and_logger_and_json_lines_have_nothing_before_them() -> None:
    assert lines("set_up_logging()")[0].split()[2:] == ["INFO", "crs.worker", "info", "of", "crs.worker"]
    assert lines("set_up_logging(line=JSON_LINE)")[0] == "info of crs.worker"


def test_repeats_of_the_kafka_client_pass_once_in_ten_seconds_and_ours_always() -> None:
    def record(name: str, at: float) -> logging.LogRecord:
        made = logging.makeLogRecord({"name": name, "msg": "no connection to %s"})
        made.created = at
        return made

    repeats = RepeatFilter()
    seconds = (0.0, 5.0, 9.9, 10.0, 15.0)
    assert [repeats.filter(record("aiokafka.conn", at)) for at in seconds] == [True, False, False, True, False]
    assert all(repeats.filter(record("crs.dispatch", at)) for at in seconds)
