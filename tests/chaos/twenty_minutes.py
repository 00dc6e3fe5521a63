"""Twenty minutes of faults with three brokers and two workers: kills, pauses, a rolling restart, broker failures.

`python -m tests.chaos.twenty_minutes`.
1,000 events/s; five SIGKILLs of a worker, two pauses beyond the session, a rolling restart, two brokers killed and
started again. Prints the faults and the verdict of `verify`; exit 0 when nothing was lost, invented or changed.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path

import click

from agents.brokers import topic_admin
from agents.brokers.local_kafka.cluster import Cluster
from agents.brokers.topic_specs import wanted_topics
from tests.chaos.plans import LONG, LONG_FAULTS, log_files, three_copies
from tests.chaos.run import Fault, Load, chaos


@click.command()
@click.option("--checkpoint-seconds", default=1.0, show_default=True, help="0: rows with every batch.")
@click.option("--minutes", default=LONG.seconds / 60, show_default=True, help="Faults keep their share of the time.")
@click.option("--rate", default=LONG.rate, show_default=True, help="Events/s.")
def main(checkpoint_seconds: float, minutes: float, rate: float) -> None:
    """The long run."""
    directory = Path(tempfile.mkdtemp(prefix="crs-chaos-"))
    load = Load(minutes * 60, rate, LONG.patients)
    share = load.seconds / LONG.seconds
    faults = [Fault(fault.at_seconds * share, fault.name, fault.happen) for fault in LONG_FAULTS]
    click.echo(log_files(directory))
    with Cluster(nodes=3) as cluster:
        settings = three_copies(cluster, "long.", checkpoint_seconds)
        topic_admin.create(settings, wanted_topics(settings))
        report = chaos(settings, directory, load, faults, cluster, wait_seconds=300.0, report_line=print_line)
    click.echo(f"workers ended: {report.exits}")
    click.echo(json.dumps(report.verdict))
    sys.exit(0 if report.ok else 1)


def print_line(line: str) -> None:
    """Prints a line with the time."""
    click.echo(f"{time.strftime('%H:%M:%S')} {line}")


if __name__ == "__main__":
    main()
