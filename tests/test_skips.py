"""A skipped test is listed at the end of a run, and fails the build in CI."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

pytest_plugins = ["pytester"]
SKIPPING = """
import pytest

def test_runs():
    pass

@pytest.mark.skip(reason="no broker here")
def test_does_not():
    pass
"""


@pytest.fixture
def our_conftest(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """An empty suite under our own conftest, which finds its plugins in this checkout."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[1]))
    shutil.copy(Path(__file__).with_name("conftest.py"), pytester.path / "conftest.py")
    return pytester


@pytest.fixture
def suite(our_conftest: pytest.Pytester) -> pytest.Pytester:
    """A suite of one test and one skip."""
    our_conftest.makepyfile(SKIPPING)
    return our_conftest


@pytest.mark.parametrize(("ci", "exit_code"), [("true", 1), ("", 0)])
def test_a_skip_is_named_and_fails_in_ci(
    suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, ci: str, exit_code: int
) -> None:
    monkeypatch.setenv("CI", ci)
    result = suite.runpytest_subprocess("-q")
    assert result.ret == exit_code
    result.stdout.fnmatch_lines(["*NOT RUN*", "*test_does_not: no broker here*"])


def test_without_skips_ci_is_green(our_conftest: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    our_conftest.makepyfile("def test_runs(): pass")
    monkeypatch.setenv("CI", "true")
    assert our_conftest.runpytest_subprocess("-q").ret == 0
