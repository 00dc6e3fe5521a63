"""Judges mutants: two sessions at once, each in a copy of the tree; progress and results, one line a mutant."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from math import inf
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from tests.mutation.mutants import ROOT, Mutant
from tests.mutation.session import KILLED, SURVIVED
from tests.mutation.tests_by_line import LineMap, read

COPIED = ("schemas", "monitor", "agents", "tests", "pyproject.toml", "README.md", "CHANGELOG.md", "docs", "deploy")
PROCESSES = 2


@dataclass(frozen=True)
class Result:
    """What became of a mutant, and which test failed."""

    id: str
    verdict: str
    by: str
    seconds: float


@contextmanager
def copied_tree() -> Iterator[Path]:
    """A copy in which mutants are judged: the working tree is never changed."""
    with tempfile.TemporaryDirectory(prefix="crs-mutation-") as directory:
        copy = Path(directory) / "tree"
        copy.mkdir()
        for name in COPIED:
            source = ROOT / name
            if source.is_dir():
                shutil.copytree(
                    source, copy / name, ignore=shutil.ignore_patterns("__pycache__", ".*_cache", ".hypothesis")
                )
            elif source.exists():
                shutil.copy(source, copy / name)
        yield copy.resolve()


def map_of(copy: Path) -> Path:
    """Runs the quick tests once and gives the file that says which of them touch which line."""
    path = copy.parent / "tests-by-line.json"
    subprocess.run(
        [sys.executable, "-m", "tests.mutation.tests_by_line", str(path)], cwd=copy, check=True, stdout=sys.stderr
    )
    return path


class Judge:
    """One session in one copy of the tree."""

    def __init__(self, copy: Path, tests: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.mutation.session", str(tests)],
            cwd=copy, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip

    def judge(self, mutant: Mutant, touched: Sequence[str], fresh: bool) -> Result:
        """Waits for the verdict. Raises RuntimeError when the session has ended."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        began = time.monotonic()
        self._process.stdin.write(json.dumps({"mutant": asdict(mutant), "touched": touched, "fresh": fresh}) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the session ended at {mutant.id}")
        return Result(mutant.id, **json.loads(line), seconds=round(time.monotonic() - began, 2))

    def __enter__(self) -> Judge:
        return self

    def __exit__(self, *raised: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(timeout=60)


def judged(
    mutants: Sequence[Mutant],
    fresh: bool,
    tests: Path | None,
    report: Callable[[Result, int], None],
    seconds: float = inf,
) -> list[Result]:
    """Judges all. `tests`: a map of an earlier run; `report` gets each result and how many are left.

    `seconds`: the tests of a mutant take at most so much CPU time together, the shortest first.
    """
    with ExitStack() as stack:
        copies = [stack.enter_context(copied_tree()) for _ in range(min(PROCESSES, len(mutants)))]
        tests = tests or map_of(copies[0])
        by_line = read(tests)
        free: SimpleQueue[Judge] = SimpleQueue()
        for copy in copies:
            free.put(stack.enter_context(Judge(copy, tests)))
        pool = stack.enter_context(ThreadPoolExecutor(len(copies)))
        waiting = [pool.submit(_one, free, mutant, by_line, seconds, fresh) for mutant in mutants]
        results = []
        for done in as_completed(waiting):
            results.append(done.result())
            report(results[-1], len(mutants) - len(results))
    return results


def _one(free: SimpleQueue[Judge], mutant: Mutant, by_line: LineMap, seconds: float, fresh: bool) -> Result:
    judge = free.get()
    try:
        return judge.judge(mutant, by_line.of(mutant.file, [mutant.line], seconds), fresh)
    finally:
        free.put(judge)


def read_results(path: Path) -> dict[str, Result]:
    """The results of an earlier run that was broken off; empty when there is none."""
    if not path.exists():
        return {}
    lines = path.read_text(encoding="utf-8").splitlines()
    return {each["id"]: Result(**each) for each in map(json.loads, lines)}


def line_of(result: Result) -> str:
    """A result as a line of the result file."""
    return json.dumps(asdict(result), ensure_ascii=False)


def summary(results: Iterable[Result]) -> dict[str, Any]:
    """How many were killed, and the ids of the survivors."""
    found = list(results)
    return {
        "mutants": len(found),
        "killed": sum(1 for each in found if each.verdict == KILLED),
        "survived": sorted(each.id for each in found if each.verdict == SURVIVED),
    }
