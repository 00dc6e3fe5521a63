"""Faults on real processes: workers and brokers killed, paused and replaced; guards removed one by one.

`python -m benchmarks.long.faults --minutes 20`, or `make long-faults`. Counts faults that happened and sabotage tests
that passed.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import click
import pytest

from agents.brokers import topic_admin
from agents.brokers.local_kafka.cluster import Cluster
from agents.brokers.topic_specs import wanted_topics
from benchmarks.long.result import Proof
from tests.chaos.plans import LONG, LONG_FAULTS, log_files, three_copies
from tests.chaos.run import Fault, Load, chaos

SABOTAGE = "tests/chaos/test_sabotage.py"
SABOTAGE_TESTS = 8


class Passed:
    """A plugin that counts the sabotage tests."""

    def __init__(self, proof: Proof) -> None:
        self._proof = proof

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """One test ended; a skipped one does not count."""
        if report.failed:
            self._proof.failed(f"{report.nodeid}\n{report.longreprtext}")
        elif report.when == "call" and report.passed:
            self._proof.done()


@click.command()
@click.option("--minutes", default=LONG.seconds / 60, show_default=True, help="Faults keep their share of the time.")
@click.option("--rate", default=LONG.rate, show_default=True, help="Events/s.")
@click.option("--seed", default=LONG.seed, show_default=True)
def main(minutes: float, rate: float, seed: int) -> None:
    """The run."""
    load = Load(minutes * 60, rate, LONG.patients, seed)
    with Proof("long-faults", seed, len(LONG_FAULTS) + SABOTAGE_TESTS, "faults and sabotages") as proof:
        run_with_faults(proof, load)
        pytest.main([SABOTAGE, "-q", "-p", "no:cacheprovider"], plugins=[Passed(proof)])
    sys.exit(proof.exit_code())


def run_with_faults(proof: Proof, load: Load) -> None:
    """Every fault of the plan, then the verdict of `verify`."""
    share = load.seconds / LONG.seconds
    faults = [Fault(fault.at_seconds * share, fault.name, fault.happen) for fault in LONG_FAULTS]
    directory = Path(tempfile.mkdtemp(prefix="crs-faults-"))
    proof.line(log_files(directory))
    with Cluster(nodes=3) as cluster:
        settings = three_copies(cluster, "long.", checkpoint_seconds=1.0)
        topic_admin.create(settings, wanted_topics(settings))
        report = chaos(settings, directory, load, faults, cluster, wait_seconds=300.0, report_line=proof.line)
    proof.line(f"workers ended: {report.exits}; verdict: {report.verdict}")
    proof.done(len(report.faults))
    if not report.ok:
        proof.failed(f"verify: {report.verdict}")


if __name__ == "__main__":
    main()
