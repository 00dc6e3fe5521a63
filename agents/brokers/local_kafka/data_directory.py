"""The data directory of a cluster: locked by the process that runs it, which writes there where the brokers are."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from agents.platform.errors import UserError

RUNNING = "running.json"
LOCK = "lock"


class RunningCluster(NamedTuple):
    """A running cluster: the process that holds it, where clients find it, and how many brokers it should have."""

    pid: int
    bootstrap_servers: str
    nodes: int


@contextmanager
def locked(data: Path) -> Iterator[None]:
    """Holds the directory for one cluster. Raises UserError when another process holds it."""
    data.mkdir(parents=True, exist_ok=True)
    with (data / LOCK).open("w") as lock:
        if not try_lock(lock.fileno()):
            raise UserError(f"{data} is in use by a running cluster: `crs-monitor kafka down` stops it")
        yield


def is_locked(data: Path) -> bool:
    """Whether a process holds the directory."""
    if not (data / LOCK).is_file():
        return False
    with (data / LOCK).open() as lock:
        return not try_lock(lock.fileno())


def try_lock(descriptor: int) -> bool:
    """Locks an open file; False when another process has locked it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextmanager
def announced(data: Path, bootstrap_servers: str, nodes: int) -> Iterator[None]:
    """Writes where this process runs the cluster, until the block ends."""
    running = RunningCluster(os.getpid(), bootstrap_servers, nodes)
    (data / RUNNING).write_text(json.dumps(running._asdict()))
    try:
        yield
    finally:
        (data / RUNNING).unlink(missing_ok=True)


def running_cluster(data: Path) -> RunningCluster | None:
    """The cluster that runs in this directory; None when there is none."""
    if not is_locked(data) or not (data / RUNNING).is_file():
        return None
    return RunningCluster(**json.loads((data / RUNNING).read_text()))
