"""Which quick tests touch which line, and how long each takes: one run of the quick tests under `coverage`.

`python -m tests.mutation.tests_by_line OUT.json`, in a copy of the tree.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from math import inf
from pathlib import Path
from typing import NamedTuple

import coverage
import pytest

# What judges in seconds, without a broker, a browser or a process of its own.
QUICK_TESTS = (
    "tests/stories", "tests/thresholds", "tests/monitor", "tests/formulary", "tests/golden", "tests/properties",
    "tests/worker/test_partition.py", "tests/worker/test_changelog.py", "tests/worker/test_defects.py",
    "tests/worker/test_downtime.py", "tests/worker/test_judging.py",
)  # fmt: skip
ROOMS = ("monitor", "agents/engine")
# Slower tests are left out: a survivor has to pass all others, and must not take minutes.
SLOWEST_CPU_SECONDS = 0.3
# The stories again, in other ways: they come last.
REPEATS = ("-rows]", "-stream]", "-ticks]", "test_alert_versions.py", "test_replay.py")


class LineMap(NamedTuple):
    """The quick tests with their CPU seconds, and for each line of each file the numbers of the tests that touch it."""

    seconds: dict[str, float]
    touched: dict[str, dict[str, list[int]]]

    def of(self, file: str, lines: Iterable[int], seconds: float = inf) -> list[str]:
        """The tests that touch one of these lines, repeats last; none does: those of the file. `seconds`: at most."""
        tests = list(self.seconds)
        by_line = self.touched.get(file, {})
        numbers = {number for line in lines for number in by_line.get(str(line), ())}
        numbers = numbers or {number for found in by_line.values() for number in found}
        chosen = sorted((tests[number] for number in numbers), key=self._late_and_long)
        until = accumulate(self.seconds[test] for test in chosen)
        return [test for test, taken in zip(chosen, until, strict=True) if taken <= seconds]

    def _late_and_long(self, test: str) -> tuple[bool, float]:
        return any(part in test for part in REPEATS), self.seconds[test]


class ByTest:
    """Labels what is executed with the test that executes it, and measures each test in CPU seconds."""

    def __init__(self, measured: coverage.Coverage) -> None:
        self._measured = measured
        self.seconds: dict[str, float] = {}

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        """One test."""
        self._measured.switch_context(item.nodeid)
        began = time.process_time()
        try:
            return (yield)
        finally:
            self.seconds[item.nodeid] = time.process_time() - began
            self._measured.switch_context("")


def run(root: Path, tests: Sequence[str] = QUICK_TESTS, rooms: Sequence[str] = ROOMS) -> LineMap:
    """Runs the tests once. Raises SystemExit when one fails."""
    measured = coverage.Coverage(data_file=None, config_file=False, source=[str(root / room) for room in rooms])
    labels = ByTest(measured)
    measured.start()
    code = pytest.main([*tests, "-q", "-x", "-p", "no:cacheprovider", "-m", "not kafka and not slow"], plugins=[labels])
    measured.stop()
    if code != pytest.ExitCode.OK:
        raise SystemExit(f"the quick tests fail without any mutation: exit {int(code)}")
    seconds = {test: taken for test, taken in labels.seconds.items() if taken <= SLOWEST_CPU_SECONDS}
    numbers = {test: number for number, test in enumerate(seconds)}
    found = measured.get_data()
    touched = {
        str(Path(file).relative_to(root)): {
            str(line): sorted(numbers[test] for test in touching if test in numbers)
            for line, touching in found.contexts_by_lineno(file).items()
        }
        for file in found.measured_files()
    }
    return LineMap(seconds, touched)


def read(path: Path) -> LineMap:
    """What an earlier run has written."""
    return LineMap(**json.loads(path.read_text(encoding="utf-8")))


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(json.dumps(run(Path.cwd().resolve())._asdict()), encoding="utf-8")
