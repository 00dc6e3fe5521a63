"""Hours of load on real processes: three brokers, two workers, a simulated ward, and no fault.

`python -m benchmarks.long.soak --hours 4`, or `make long-soak`. Counts events; fails when `verify` finds one lost,
invented or changed, when a worker ended, or when a worker's memory grew by half after the first quarter.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import click

from agents.brokers import topic_admin
from agents.brokers.local_kafka.cluster import Cluster
from agents.brokers.topic_specs import wanted_topics
from benchmarks.long.result import Proof
from tests.chaos.plans import log_files, three_copies
from tests.chaos.run import Fault, Load, Targets, chaos

MEASUREMENTS = 16
LARGEST_GROWTH = 1.5


def resident_mib(pid: int) -> float:
    """The memory of a process, by /proc."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    (kib,) = (line.split()[1] for line in status.splitlines() if line.startswith("VmRSS:"))
    return int(kib) / 1024


class Memory:
    """The memory of the workers, measured at even intervals of the run."""

    def __init__(self, proof: Proof) -> None:
        self._proof = proof
        self.mib: list[list[float]] = []

    def measure(self, targets: Targets) -> None:
        """One measurement of each worker; happens in the run as a fault that does no harm."""
        self.mib.append([resident_mib(worker.pid) for worker in targets.workers])
        self._proof.line(f"memory of the workers: {', '.join(f'{mib:.0f} MiB' for mib in self.mib[-1])}")

    def has_grown(self) -> bool:
        """Whether a worker ended with far more than it had after the first quarter."""
        return any(
            last > LARGEST_GROWTH * early for early, last in zip(self.mib[MEASUREMENTS // 4], self.mib[-1], strict=True)
        )


@click.command()
@click.option("--hours", default=4.0, show_default=True)
@click.option("--rate", default=500.0, show_default=True, help="Events/s.")
@click.option("--patients", default=120, show_default=True)
@click.option("--seed", default=11, show_default=True)
def main(hours: float, rate: float, patients: int, seed: int) -> None:
    """The run."""
    load = Load(hours * 3600, rate, patients, seed)
    with Proof("long-soak", seed, int(load.seconds * load.rate), "events") as proof:
        run(proof, load)
    sys.exit(proof.exit_code())


def run(proof: Proof, load: Load) -> None:
    """The load, with measurements of memory, then the verdict of `verify`."""
    directory = Path(tempfile.mkdtemp(prefix="crs-soak-"))
    proof.line(log_files(directory))
    memory = Memory(proof)
    at = [load.seconds * number / MEASUREMENTS for number in range(1, MEASUREMENTS + 1)]
    measurements = [Fault(seconds, "measured", memory.measure) for seconds in at]
    with Cluster(nodes=3) as cluster:
        settings = three_copies(cluster, "soak.", checkpoint_seconds=1.0)
        topic_admin.create(settings, wanted_topics(settings))
        report = chaos(settings, directory, load, measurements, cluster, wait_seconds=300.0)
    proof.line(f"{report.sent}; verdict: {report.verdict}")
    proof.done(report.verdict["events"])
    for problem, found in {
        f"verify: {report.verdict}": not report.ok,
        f"workers ended: {report.exits}": bool(report.exits),
        f"memory grew: {memory.mib}": memory.has_grown(),
    }.items():
        if found:
            proof.failed(problem)


if __name__ == "__main__":
    main()
