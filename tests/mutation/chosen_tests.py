"""Runs the tests that are listed on standard input, as JSON, in that order: too many for a command line."""

from __future__ import annotations

import json
import sys

import pytest


class Chosen:
    """A plugin that keeps these tests only."""

    def __init__(self, tests: list[str]) -> None:
        self._order = {test: number for number, test in enumerate(tests)}

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Leaves out and sorts."""
        items[:] = sorted(
            (item for item in items if item.nodeid in self._order), key=lambda item: self._order[item.nodeid]
        )


def main() -> None:
    """The exit code is pytest's."""
    tests = json.load(sys.stdin)
    files = sorted({test.partition("::")[0] for test in tests})
    raise SystemExit(int(pytest.main([*files, *sys.argv[1:]], plugins=[Chosen(tests)])))


if __name__ == "__main__":
    main()
