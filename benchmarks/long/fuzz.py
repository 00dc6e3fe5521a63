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
PASSING = re.compile(r"(\d+) passing examples, 0 failing examples")


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

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """One property ended: at most the examples that were asked count, so that none makes up for another."""
        if self.proof is None or report.when != "call":
            return
        statistics = str(dict(report.user_properties).get("hypothesis-stats", ""))
        ran = min(self.examples, sum(map(int, PASSING.findall(statistics))))
        self.proof.line(f"{report.nodeid}: {ran} examples, {report.outcome}")
        self.proof.done(ran)
        if report.failed:
            self.proof.failed(f"{report.nodeid}\n{report.longreprtext}")


@click.command()
@click.option("--examples", default=20_000, show_default=True, help="Of each property.")
@click.option("--seed", default=1, show_default=True)
def main(examples: int, seed: int) -> None:
    """The search."""
    counting = Counting(examples)
    options = [
        "-q",
        "-p",
        "no:cacheprovider",
        "--examples",
        str(examples),
        f"--hypothesis-seed={seed}",
        "-o",
        "timeout=0",
    ]
    pytest.main([*PROPERTIES, *options, "--collect-only"], plugins=[counting])
    with Proof("long-fuzz", seed, counting.properties * examples, "examples") as proof:
        counting.proof = proof
        pytest.main([*PROPERTIES, *options], plugins=[counting])
    sys.exit(proof.exit_code())


if __name__ == "__main__":
    main()
