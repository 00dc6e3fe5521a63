"""The list of survivors: each mutant is there and has one reason; changed lines are read from git's diff."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.mutation.changed import changed_lines, lines_of
from tests.mutation.mutants import ROOT, mutants_below
from tests.mutation.survivors import objections, read_survivors

HERE = "tests/mutation/test_survivors.py::test_a_survivor_has_one_reason"
DIFF = """\
--- monitor/step.py
+++ monitor/step.py
@@ -10 +10,2 @@ def step():
-    old
+    new
+    more
@@ -20,3 +21,0 @@
-    gone
--- monitor/gone.py
+++ /dev/null
@@ -1,2 +0,0 @@
-    gone
"""


def test_every_survivor_is_a_mutant_and_has_one_reason() -> None:
    known = {mutant.id for mutant in mutants_below(ROOT)}
    assert objections(read_survivors(), known, ROOT) == []


@pytest.mark.parametrize(
    ("entry", "objection"),
    [
        ({"id": "a", "equivalent": "both sides are sorted"}, ""),
        ({"id": "a", "killed_by": HERE}, ""),
        ({"id": "gone", "equivalent": "both sides are sorted"}, "no such mutant any more: gone"),
        ({"id": "a"}, "needs one reason, `equivalent` or `killed_by`: a"),
        ({"id": "a", "equivalent": "it is"}, "needs one reason, `equivalent` or `killed_by`: a"),
        ({"id": "a", "because": "both sides are sorted"}, "needs one reason, `equivalent` or `killed_by`: a"),
        ({"id": "a", "killed_by": f"{HERE}_not"}, f"no such test: {HERE}_not"),
    ],
)
def test_a_survivor_has_one_reason(entry: dict[str, str], objection: str) -> None:
    assert objections([entry], {"a"}, ROOT) == ([objection] if objection else [])


def test_a_survivor_is_listed_once() -> None:
    entry = {"id": "a", "equivalent": "both sides are sorted"}
    assert objections([entry, entry], {"a"}, ROOT) == ["listed twice: a"]


def test_changed_lines_are_those_that_were_added() -> None:
    assert lines_of(DIFF) == {"monitor/step.py": {10, 11}}


def test_an_unknown_commit_is_no_empty_change(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="git diff no-such-commit"):
        changed_lines(tmp_path, "no-such-commit", ["*.py"])
