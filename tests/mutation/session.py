"""One pytest session that has imported and collected everything, and judges each mutant in a forked copy of itself.

In the copy the code of the mutated function is exchanged, and the tests that touch its lines run until one fails. A
mutant outside of functions, or one that survives, needs a fresh interpreter: the mutated file is written in the copied
tree. `python -m tests.mutation.session MAP.json`, in a copy of the tree; one mutant a line in, one verdict a line out.
"""

from __future__ import annotations

import gc
import json
import os
import resource
import subprocess
import sys
import types
from collections import defaultdict
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import IO, Any

import pytest

from tests.mutation.mutants import Mutant
from tests.mutation.tests_by_line import LineMap, read

KILLED, SURVIVED = "killed", "survived"
# An endless loop is ended by its use of the processor: a busy machine ends no mutant.
CPU_SECONDS_AT_LEAST, TIMES_AS_LONG = 5, 10
FRESH_SECONDS = 600
PYTEST = ["-q", "-x", "-p", "no:cacheprovider", "--no-header", "--tb=no"]


class Session:
    """A plugin that judges mutants in place of running the collected tests."""

    def __init__(self, tests: LineMap, asked: IO[str], answers: IO[str]) -> None:
        self._tests = tests
        self._asked, self._answers = asked, answers
        self._killers: dict[str, list[str]] = {}

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Reads mutants until there are no more."""
        items = {item.nodeid: item for item in session.items}
        for line in self._asked:
            asked = json.loads(line)
            killer = self.judge(Mutant(**asked["mutant"]), asked["touched"], asked["fresh"], items)
            print(json.dumps({"verdict": KILLED if killer else SURVIVED, "by": killer}), file=self._answers, flush=True)
        return True

    def judge(self, mutant: Mutant, touched: list[str], fresh: bool, items: dict[str, pytest.Item]) -> str:
        """The test that fails with the mutant; empty when it survives."""
        source = Path(mutant.file).read_text(encoding="utf-8")
        first = self._killers.setdefault(mutant.function, [])
        tests = [each for each in dict.fromkeys([*first, *touched]) if each in touched]
        killer = ""
        code = None if mutant.is_outside_functions() else exchangeable(mutant, source)
        if code is not None:
            killer = forked(code, [items[test] for test in tests if test in items], self._tests.seconds)
        if not killer and (code is None or fresh):
            killer = in_a_fresh_interpreter(mutant, source, tests)
        if killer in touched:
            first.insert(0, killer)
        return killer


def exchangeable(mutant: Mutant, source: str) -> tuple[list[types.FunctionType], types.CodeType] | None:
    """The functions in memory that the mutant is about and their new code; None: they are not found."""
    path = str(Path(mutant.file).resolve())
    old, new = (codes_of(compile(text, path, "exec")) for text in (source, mutant.applied_to(source)))
    changed = [
        key
        for key in old
        if key in new and old[key].co_code + repr_of(old[key]) != new[key].co_code + repr_of(new[key])
    ]
    outer = [key for key in changed if "<locals>" not in key[0]]
    if len(outer) != 1:
        return None
    wanted = old[outer[0]]
    functions = functions_in_memory().get((path, wanted.co_qualname, wanted.co_firstlineno))
    return (functions, new[outer[0]]) if functions else None


@cache
def functions_in_memory() -> dict[tuple[str, str, int], list[types.FunctionType]]:
    """All functions by file, qualified name and first line: looked for once, when everything is imported."""
    found: dict[tuple[str, str, int], list[types.FunctionType]] = defaultdict(list)
    for each in gc.get_objects():
        if isinstance(each, types.FunctionType):
            code = each.__code__
            found[code.co_filename, code.co_qualname, code.co_firstlineno].append(each)
    gc.freeze()  # A copy of this process then leaves their memory alone.
    return found


def codes_of(code: types.CodeType) -> dict[tuple[str, int], types.CodeType]:
    """All code objects of functions in a module, by qualified name and their number among those of the same name."""
    found: dict[tuple[str, int], types.CodeType] = {}
    waiting = [code]
    while waiting:
        for each in waiting.pop(0).co_consts:
            if isinstance(each, types.CodeType):
                number = sum(1 for name, _ in found if name == each.co_qualname)
                found[each.co_qualname, number] = each
                waiting.append(each)
    return found


def repr_of(code: types.CodeType) -> bytes:
    """The constants and names of a code object, with those inside it."""
    inner = [
        repr_of(each) + each.co_code if isinstance(each, types.CodeType) else repr(each).encode()
        for each in code.co_consts
    ]
    return b"|".join([*inner, repr(code.co_names).encode(), repr(code.co_varnames).encode()])


def forked(
    code: tuple[list[types.FunctionType], types.CodeType], items: list[pytest.Item], seconds: dict[str, float]
) -> str:
    """Runs the tests in a copy of this process; gives the first that fails or does not end."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        functions, changed = code
        for function in functions:
            function.__code__ = changed
        os._exit(0 if all(passes(item, seconds, writing) for item in items) else 1)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        begun = pipe.read().splitlines()
    _, status = os.waitpid(child, 0)
    return "" if status == 0 else (begun[-1] if begun else "the mutated code cannot be run")


def passes(item: pytest.Item, seconds: dict[str, float], writing: int) -> bool:
    """Runs one test in this process, with a limit of CPU seconds."""
    os.write(writing, f"{item.nodeid}\n".encode())
    used = resource.getrusage(resource.RUSAGE_SELF)
    allowed = CPU_SECONDS_AT_LEAST + TIMES_AS_LONG * seconds.get(item.nodeid, 0.0)
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (int(used.ru_utime + used.ru_stime + allowed) + 1, hard))
    reports = _reports(item)
    return not any(report.failed for report in reports)


def _reports(item: pytest.Item) -> list[Any]:
    from _pytest.runner import runtestprotocol

    item._initrequest()  # type: ignore[attr-defined]
    return runtestprotocol(item, log=False, nextitem=None)


def in_a_fresh_interpreter(mutant: Mutant, source: str, tests: Sequence[str]) -> str:
    """Writes the mutated file into this copy of the tree and runs the tests anew; restores the file."""
    path = Path(mutant.file)
    path.write_text(mutant.applied_to(source), encoding="utf-8")
    command = [sys.executable, "-m", "tests.mutation.chosen_tests", *PYTEST]
    try:
        done = subprocess.run(
            command, input=json.dumps(tests), capture_output=True, text=True, check=False, timeout=FRESH_SECONDS
        )
    except subprocess.TimeoutExpired:
        return "the time limit"
    finally:
        path.write_text(source, encoding="utf-8")
    failed = [line for line in done.stdout.splitlines() if line.startswith(("FAILED ", "ERROR "))]
    return "" if done.returncode == 0 else (failed[0].split(" ", 2)[1] if failed else f"exit {done.returncode}")


def main(argv: Sequence[str]) -> None:
    """Collects the quick tests, then judges."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    asked = os.fdopen(os.dup(0))
    tests = read(Path(argv[0]))
    files = sorted({test.partition("::")[0] for test in tests.seconds})
    raise SystemExit(int(pytest.main([*files, *PYTEST], plugins=[Session(tests, asked, answers)])))


if __name__ == "__main__":
    main(sys.argv[1:])
