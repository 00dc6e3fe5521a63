"""Load and faults of the short, the long and the workers' chaos run, with the seconds at which each fault happens."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from agents.brokers.local_kafka.cluster import Cluster
from agents.platform.settings import Settings, load
from tests.chaos.run import (
    SESSION_SECONDS,
    Fault,
    Load,
    kill_broker,
    kill_worker,
    pause_worker,
    rolling_restart,
)

SHORT = Load(seconds=75.0, rate=500.0)
SHORT_FAULTS = (
    Fault(5.0, "SIGKILL of worker 1", kill_worker(0)),
    Fault(20.0, "SIGSTOP of worker 2 beyond its session, SIGCONT", pause_worker(1)),
    Fault(42.0, "rolling restart by SIGTERM", rolling_restart()),
    Fault(60.0, "SIGKILL of broker 2, started again", kill_broker(2)),
)
# No broker is killed: it may belong to somebody else.
WORKER_LOAD = Load(seconds=30.0, rate=200.0)
WORKER_FAULTS = (
    Fault(5.0, "SIGKILL of worker 1", kill_worker(0)),
    Fault(15.0, "rolling restart by SIGTERM", rolling_restart(4.0)),
)
LONG = Load(seconds=1200.0, rate=1000.0, patients=120)
LONG_FAULTS = (
    *(Fault(at, "SIGKILL of a worker", kill_worker(n % 2)) for n, at in enumerate((60.0, 230.0, 480.0, 760.0, 1010.0))),
    *(Fault(at, "SIGSTOP beyond the session, SIGCONT", pause_worker(n % 2)) for n, at in enumerate((140.0, 860.0))),
    Fault(330.0, "rolling restart by SIGTERM", rolling_restart()),
    *(Fault(at, "SIGKILL of a broker, started again", kill_broker(n)) for n, at in ((1, 580.0), (3, 680.0))),
)


def three_copies(cluster: Cluster, prefix: str, checkpoint_seconds: float, **more: Any) -> Settings:
    """Settings of an installation that must lose nothing: three copies, two of which must confirm."""
    return load(
        bootstrap_servers=cluster.bootstrap_servers,
        topic_prefix=prefix,
        partitions=6,
        replication_factor=3,
        min_insync_replicas=2,
        checkpoint_seconds=checkpoint_seconds,
        session_timeout_seconds=SESSION_SECONDS,
        rebalance_timeout_seconds=15.0,
        **more,
    )


def log_files(directory: Path) -> str:
    """Where the logs of the workers are, for a failed test."""
    return f"logs of the workers: {directory}/worker-*.log"
