"""Judging: a mistake that a test notices is killed, one that none notices survives and fails the run."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.mutation.mutants import ROOT, mutants_of
from tests.mutation.run import Judge, Result, copied_tree, read_results
from tests.mutation.session import KILLED, SURVIVED
from tests.mutation.tests_by_line import LineMap

PLANTED = """
FIRST = 3


def low(value: float) -> bool:
    return value < 3


def last(values: list) -> int:
    number = 0
    while number < len(values):
        number += 1
    return number
"""
TESTS = """
from monitor.planted import FIRST, last, low

def test_low():
    assert low(2)
    assert not low(4)

def test_last():
    assert last([1, 2]) == 2

def test_first():
    assert FIRST == 3
"""
NAMES = [f"tests/test_planted.py::test_{name}" for name in ("low", "last", "first")]


@pytest.fixture(scope="module")
def judge() -> Iterator[Judge]:
    """A session in a copy of the tree, with a module and tests of its own."""
    with copied_tree() as copy:
        (copy / "monitor" / "planted.py").write_text(PLANTED, encoding="utf-8")
        (copy / "tests" / "test_planted.py").write_text(TESTS, encoding="utf-8")
        by_line = copy.parent / "tests-by-line.json"
        by_line.write_text(json.dumps(LineMap(dict.fromkeys(NAMES, 0.01), {})._asdict()), encoding="utf-8")
        with Judge(copy, by_line) as session:
            yield session


def judged(judge: Judge, operator: str, *, fresh: bool = False) -> Result:
    """The verdict on the first mutant of the planted module by this operator."""
    found = [each for each in mutants_of(PLANTED, "monitor/planted.py") if f"::{operator}" in each.id]
    return judge.judge(found[0], NAMES, fresh)


@pytest.mark.parametrize(
    ("operator", "by"),
    [
        ("return True", "low"),
        ("condition false", "last"),
        ("comparison < to <=::while number < len(values):", "last"),
        ("constant 3 to 4::FIRST = 3", "first"),
    ],
)
def test_a_mistake_is_noticed(judge: Judge, operator: str, by: str) -> None:
    found = judged(judge, operator)
    assert (found.verdict, found.by) == (KILLED, f"tests/test_planted.py::test_{by}")


def test_an_endless_loop_is_ended_and_counts_as_noticed(judge: Judge) -> None:
    found = judged(judge, "statement dropped")
    assert (found.verdict, found.by) == (KILLED, "tests/test_planted.py::test_last")


@pytest.mark.parametrize("fresh", [False, True])
def test_a_mistake_that_no_test_notices_survives(judge: Judge, fresh: bool) -> None:
    assert judged(judge, "comparison < to <=::return", fresh=fresh).verdict == SURVIVED


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tests.mutation", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )


def test_a_survivor_without_reason_fails_the_run_and_says_how_to_repeat_it(tmp_path: Path) -> None:
    mutant = next(each for each in mutants_of((ROOT / "monitor/units.py").read_text("utf-8"), "monitor/units.py"))
    results = tmp_path / "results.ndjson"
    results.write_text(json.dumps({"id": mutant.id, "verdict": SURVIVED, "by": "", "seconds": 1.0}) + "\n", "utf-8")
    done = command("monitor/units.py", "--only", mutant.id, "--resume", str(results))
    assert done.returncode == 1
    assert f"SURVIVED {mutant.id}" in done.stdout
    assert "again: python -m tests.mutation monitor/units.py --only" in done.stdout
    results.write_text(results.read_text("utf-8").replace(SURVIVED, KILLED), "utf-8")
    assert command("monitor/units.py", "--only", mutant.id, "--resume", str(results)).returncode == 0
    assert read_results(results)[mutant.id].verdict == KILLED


def test_without_a_changed_line_there_is_nothing_to_judge() -> None:
    done = command("monitor/verdicts.py", "--sample", "3", "--seed", "9")
    assert (done.returncode, "nothing to judge" in done.stdout) == (0, True)
    assert "seed 9" in done.stdout


def test_a_list_names_every_mutant_of_a_path() -> None:
    mutants = mutants_of((ROOT / "monitor/units.py").read_text("utf-8"), "monitor/units.py")
    assert command("monitor/units.py", "--list").stdout.splitlines() == [mutant.id for mutant in mutants]
