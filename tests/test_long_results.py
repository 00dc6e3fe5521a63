"""The results of the long proofs that lie in the repository: done as asked, passed, on a commit before this one."""

from __future__ import annotations

import json
import re
import subprocess
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from benchmarks.long.result import FAILED, PASSED, RESULTS, ROOT, Proof, Result, objections, read

FILES = sorted(RESULTS.glob("*.json"))
GOOD = Result("long-x", "a" * 40, True, 1, 2.0, "wards", 10, 10, PASSED, "a machine", "python -m x")


def git(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)


def history_is_known() -> bool:
    """Whether every commit before this one is here: not in an exported tree, nor in a shallow clone."""
    return git("rev-parse", "--is-shallow-repository").stdout.strip() == "false"


def proofs() -> set[str]:
    """The long proofs that there are, by their files."""
    return {f"long-{path.stem}" for path in (ROOT / "benchmarks" / "long").glob("[a-z]*.py")} - {"long-result"}


@pytest.mark.parametrize("path", FILES, ids=[path.stem for path in FILES])
def test_a_result_is_good(path: Path) -> None:
    result = read(path)
    assert objections(result) == []
    assert result.name == path.stem
    assert re.fullmatch(r"[0-9a-f]{40}", result.commit)
    assert result.name in proofs()


@pytest.mark.parametrize("path", FILES, ids=[path.stem for path in FILES])
def test_a_result_is_of_a_commit_that_this_one_comes_from(path: Path) -> None:
    """Where git does not know the history (an exported tree, a shallow clone) there is nothing to compare with."""
    if history_is_known():
        found = git("merge-base", "--is-ancestor", read(path).commit, "HEAD")
        assert found.returncode == 0, f"{path.name}: {read(path).commit} is no ancestor of HEAD {found.stderr}"


def test_there_are_results() -> None:
    assert {path.stem for path in FILES} >= {"long-oracle", "long-fuzz"}


@pytest.mark.parametrize(
    ("changed", "objection"),
    [
        ({"count": 9}, ["9 of 10 wards"]),
        ({"count": 11}, []),
        ({"asked": 0, "count": 0}, ["0 of 0 wards"]),
        ({"verdict": FAILED}, ["verdict failed"]),
        ({"duration_seconds": 0.0}, ["took 0.0 s"]),
    ],
)
def test_a_result_that_is_not_good_is_refused(changed: dict[str, object], objection: list[str]) -> None:
    assert objections(replace(GOOD, **changed)) == objection  # type: ignore[arg-type]


def test_a_file_with_a_field_missing_is_refused(tmp_path: Path) -> None:
    content = asdict(GOOD)
    del content["seed"]
    (tmp_path / "long-x.json").write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(ValueError, match=r"long-x\.json"):
        read(tmp_path / "long-x.json")


@pytest.mark.parametrize(("count", "verdict"), [(2, FAILED), (3, PASSED)])
def test_a_proof_passes_when_all_that_was_asked_is_done(tmp_path: Path, count: int, verdict: str) -> None:
    if not history_is_known():
        pytest.fail("a proof is run in a clone: its result names the commit")
    with Proof("long-x", 1, 3, "wards", tmp_path) as proof:
        proof.done(count)
    assert read(tmp_path / "long-x.json").verdict == verdict
    assert proof.exit_code() == (verdict == FAILED)


@pytest.mark.programs  # a result names the commit, which git tells
def test_a_proof_that_finds_something_or_breaks_off_has_failed(tmp_path: Path) -> None:
    with Proof("long-x", 1, 1, "wards", tmp_path) as proof:
        proof.done()
        proof.failed("seed 4")
    assert read(tmp_path / "long-x.json").verdict == FAILED
    proof = Proof("long-y", 1, 1, "wards", tmp_path)
    proof.done()
    proof.__exit__(KeyboardInterrupt, KeyboardInterrupt(), None)
    assert read(tmp_path / "long-y.json").verdict == FAILED


def test_every_proof_has_its_command() -> None:
    (named,) = re.findall(r"^LONG := (.+)$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert set(named.split()) == proofs()
