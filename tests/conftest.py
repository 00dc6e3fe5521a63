"""For every test: skips are listed at the end, and in CI (`CI=true`) a skip is a failure; seeds are printed."""

from __future__ import annotations

import os
from collections import Counter
from typing import Any

import pytest
from hypothesis import is_hypothesis_test, settings

QUICK_EXAMPLES = 12
pytest_plugins = ["tests.broker", "tests.selection", "tests.turns"]

# The same examples on every run of CI, so that a red build is red again; new ones on every other run.
settings.register_profile("ci", derandomize=True, deadline=None, print_blob=True)
settings.register_profile("local", deadline=None, print_blob=True)


def in_ci() -> bool:
    """Whether a build server runs us."""
    return os.environ.get("CI", "").lower() in {"1", "true", "yes"}


settings.load_profile("ci" if in_ci() else "local")


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--examples`: a longer search, `python -m pytest tests/properties --examples 1000`."""
    parser.addoption("--examples", type=int, help="of each property, instead of its own number")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Runs files whose tests take minutes first, so that they do not run alone at the end; then those with many tests.

    Also sets the number of examples of every property to `--examples`; with `--quick` to QUICK_EXAMPLES at most.
    """
    tests = Counter(item.path for item in items)
    long = {item.path for item in items if item.get_closest_marker("timeout")}
    items.sort(key=lambda item: (item.path not in long, -tests[item.path]))
    for item in items:
        test: Any = getattr(item, "obj", None)
        if is_hypothesis_test(test):
            set_examples(test, config)


def set_examples(test: Any, config: pytest.Config) -> None:
    """Sets how many examples a property tries, when an option asks for another number than its own."""
    own = test._hypothesis_internal_use_settings
    examples = config.getoption("--examples")
    if examples is not None:
        test._hypothesis_internal_use_settings = settings(own, max_examples=examples, derandomize=False)
    elif config.getoption("--quick", False) and own.max_examples > QUICK_EXAMPLES:
        test._hypothesis_internal_use_settings = settings(own, max_examples=QUICK_EXAMPLES)


def skipped(reporter: pytest.TerminalReporter) -> list[tuple[str, str]]:
    """The tests (or whole files) that were skipped, each with the reason."""
    found = []
    for report in reporter.stats.get("skipped", []):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        found.append((report.nodeid, reason.removeprefix("Skipped: ")))
    return found


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fails a CI run in which a test was skipped."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if in_ci() and reporter is not None and skipped(reporter) and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Lists every skip."""
    missing = skipped(terminalreporter)
    if not missing:
        return
    terminalreporter.section("NOT RUN" + (": in CI this is a failure" if in_ci() else ""), red=True, bold=True)
    for nodeid, reason in missing:
        terminalreporter.line(f"{nodeid}: {reason}")
