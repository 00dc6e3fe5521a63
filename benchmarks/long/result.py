"""The result of a long proof: what was asked, what was done, on which commit, and whether it passed."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import time
from dataclasses import asdict, dataclass, fields
from datetime import timedelta
from pathlib import Path
from typing import Self

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "benchmarks" / "results"
PASSED, FAILED = "passed", "failed"
PROGRESS_EVERY_SECONDS = 10.0


@dataclass(frozen=True)
class Result:
    """One file of benchmarks/results/. `asked` and `count` are of the same `unit`."""

    name: str
    commit: str
    clean_tree: bool
    seed: int
    duration_seconds: float
    unit: str
    asked: int
    count: int
    verdict: str
    machine: str
    command: str


def read(path: Path) -> Result:
    """Raises ValueError for a file that has other fields."""
    found = json.loads(path.read_text(encoding="utf-8"))
    if set(found) != {field.name for field in fields(Result)}:
        raise ValueError(f"{path.name}: {sorted(found)}")
    return Result(**found)


def objections(result: Result) -> list[str]:
    """Why a result is not good, whatever the commit."""
    found = []
    if result.verdict != PASSED:
        found.append(f"verdict {result.verdict}")
    if result.asked < 1 or result.count < result.asked:
        found.append(f"{result.count} of {result.asked} {result.unit}")
    if result.duration_seconds <= 0:
        found.append(f"took {result.duration_seconds} s")
    return found


class Proof:
    """A proof that is running: counts, prints its progress, and writes the result, also after an exception."""

    def __init__(self, name: str, seed: int, asked: int, unit: str, directory: Path = RESULTS) -> None:
        self.name, self.seed, self.asked, self.unit = name, seed, asked, unit
        self.count = 0
        self.failures: list[str] = []
        self._path = directory / f"{name}.json"
        self._began = self._shown = time.monotonic()
        self._commit, self._clean = git("rev-parse", "HEAD"), git("status", "--porcelain") == ""

    def __enter__(self) -> Self:
        self.line(f"{self.asked} {self.unit}, seed {self.seed}, commit {self._commit[:12]}")
        return self

    def __exit__(self, raised: type[BaseException] | None, problem: BaseException | None, _: object) -> None:
        if problem is not None:
            self.failures.append(repr(problem))
        done = self.result()
        self._path.parent.mkdir(exist_ok=True)
        self._path.write_text(json.dumps(asdict(done), indent=2) + "\n", encoding="utf-8")
        self.line(f"{done.verdict}: {done.count} of {done.asked} {self.unit}, written to {self._path.name}")

    def done(self, count: int = 1) -> None:
        """So many more are done."""
        self.count += count
        if time.monotonic() - self._shown >= PROGRESS_EVERY_SECONDS:
            self._shown = time.monotonic()
            self.line(f"{self.count} of {self.asked} {self.unit}")

    def failed(self, why: str) -> None:
        """Something was found; the proof goes on."""
        self.failures.append(why)
        self.line(f"FAILED {why}")

    def line(self, text: str) -> None:
        """Prints a line with the time since the beginning."""
        print(f"{timedelta(seconds=round(time.monotonic() - self._began))} {self.name}: {text}", flush=True)

    def result(self) -> Result:
        """The result as it is now."""
        good = not self.failures and self.count >= self.asked
        return Result(
            self.name, self._commit, self._clean, self.seed, round(time.monotonic() - self._began, 1), self.unit,
            self.asked, self.count, PASSED if good else FAILED, machine(),
            " ".join(["python -m", f"benchmarks.long.{self.name.removeprefix('long-')}", *sys.argv[1:]]),
        )  # fmt: skip

    def exit_code(self) -> int:
        """0 when it passed."""
        return 0 if self.result().verdict == PASSED else 1


def machine() -> str:
    """What the machine is, not which."""
    return f"{platform.system()} {platform.machine()}, {os.cpu_count()} CPUs, Python {platform.python_version()}"


def git(*arguments: str) -> str:
    """What git answers. Raises CalledProcessError outside a repository: a result needs its commit."""
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.strip()
