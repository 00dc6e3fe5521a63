"""Any bytes decoded, any record judged: the properties of totality with many examples.

`python -m benchmarks.long.fuzz --examples 10000`, or `make long-fuzz`.
"""

from __future__ import annotations

import re
import sys

import click
import pytest
from hypothesis import is_hypothesis_test

from benchmarks.long.result import Proof

PROPERTIES = ("tests/schemas/test_any_bytes.py", "tests/properties/test_totality.py")
PASSING = re.compile(r"(\d+) passing\b")


class Counting:
    """A plugin that counts examples by the statistics that hypothesis keeps of each property."""

    def __init__(self, examples: int) -> None:
        self.examples = examples
        self.properties = 0
        self.proof: Proof | None = None

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Keeps the properties."""
        items[:] = [item for item in items if is_hypothesis_test(getattr(item, "obj", None))]
        self.properties = len(items)

    def pytest_runtest_teardown(self, item: pytest.Item) -> None:
        """One property ended: at most the examples that were asked count, so that none makes up for another."""
        assert self.proof is not None
        ran = min(self.examples, sum(map(int, PASSING.findall(getattr(item, "hypothesis_statistics", "")))))
        self.proof.line(f"{item.nodeid}: {ran} examples")
        self.proof.done(ran)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """A property that failed fails the proof."""
        if report.failed and self.proof is not None:
            self.proof.failed(f"{report.nodeid}\n{report.longreprtext}")


@click.command()
@click.option("--examples", default=20_000, show_default=True, help="Of each property.")
@click.option("--seed", default=1, show_default=True)
def main(examples: int, seed: int) -> None:
    """The search."""
    counting = Counting(examples)
    options = ["-q", "-s", "-p", "no:cacheprovider", "-o", "timeout=0"]
    options += ["--examples", str(examples), f"--hypothesis-seed={seed}"]
    pytest.main([*PROPERTIES, *options, "--collect-only"], plugins=[counting])
    with Proof("long-fuzz", seed, counting.properties * examples, "examples") as proof:
        counting.proof = proof
        pytest.main([*PROPERTIES, *options], plugins=[counting])
    sys.exit(proof.exit_code())


if __name__ == "__main__":
    main()
