"""`python -m agents.brokers.local_kafka up|down|status`: a Kafka on this machine, for the desk and for tests."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from agents.brokers.local_kafka.cluster import Cluster, answering
from agents.platform.errors import UserError

DATA = Path("out/kafka")
RUNNING = "running.json"
LOCK = "lock"
START_SECONDS = 120.0


@click.group()
def main() -> None:
    """A real Kafka on loopback, without Docker: KRaft brokers from Kafka's published libraries."""


def data_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """The directory of the cluster."""
    return click.option(
        "--data", type=click.Path(path_type=Path), default=DATA, show_default=True, help="Directory of the cluster."
    )(command)


@main.command()
@click.option("--nodes", type=click.Choice(["1", "3"]), default="1", show_default=True, help="How many brokers.")
@data_option
@click.option("--port", type=click.IntRange(1024, 65533), default=9092, show_default=True, help="Of the first broker.")
@click.option("--detach", is_flag=True, help="Come back when it is up; `down` stops it.")
def up(nodes: str, data: Path, port: int, detach: bool) -> None:
    """Start a cluster; Ctrl-C stops it. Its data stays for the next time."""
    data = data.absolute()
    data.mkdir(parents=True, exist_ok=True)
    if detach:
        click.echo(detached(data, ["up", "--nodes", nodes, "--data", str(data), "--port", str(port)]))
        return
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, leave)
    with (data / LOCK).open("w") as lock:
        if not held(lock.fileno()):
            raise UserError(f"{data} is in use by a running cluster: `down` stops it")
        with Cluster(int(nodes), data, port) as cluster:
            stand(cluster, data)


def leave(number: int, frame: object) -> None:
    """Ctrl-C or a polite request, also while brokers are still starting; being asked twice changes nothing."""
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, signal.SIG_IGN)
    click.echo("stopping", err=True)
    sys.exit(0)


def stand(cluster: Cluster, data: Path) -> None:
    """Says where the brokers are and stays until it is told to leave or a broker ends."""
    running = {"pid": os.getpid(), "bootstrap_servers": cluster.bootstrap_servers, "nodes": len(cluster.nodes)}
    (data / RUNNING).write_text(json.dumps(running))
    click.echo(f"KAFKA_BOOTSTRAP_SERVERS={cluster.bootstrap_servers}")
    click.echo(f"logs: {data}/node-*/server.log; Ctrl-C stops it", err=True)
    try:
        while True:
            time.sleep(0.5)
            cluster.fail_if_ended(set(cluster.nodes))
    finally:
        (data / RUNNING).unlink(missing_ok=True)


@main.command()
@data_option
def down(data: Path) -> None:
    """Stop the cluster and wait until it is gone."""
    running = known(data)
    if running is None:
        click.echo(f"no cluster is running in {data}", err=True)
        return
    os.kill(running["pid"], signal.SIGTERM)
    until = time.monotonic() + START_SECONDS
    while in_use(data):
        if time.monotonic() > until:
            raise UserError(f"the cluster in {data} does not stop; its process is {running['pid']}")
        time.sleep(0.1)
    click.echo("stopped", err=True)


@main.command()
@data_option
def status(data: Path) -> None:
    """Say which brokers answer; exit 1 unless all do."""
    running = known(data)
    if running is None:
        click.echo(f"no cluster is running in {data}", err=True)
        sys.exit(1)
    there = len(answering(running["bootstrap_servers"], seconds=5.0))
    click.echo(f"KAFKA_BOOTSTRAP_SERVERS={running['bootstrap_servers']}")
    click.echo(f"{there} of {running['nodes']} brokers answer", err=True)
    sys.exit(0 if there == running["nodes"] else 1)


def detached(data: Path, arguments: list[str]) -> str:
    """Starts this program anew in the background; gives what it says when it is up."""
    said = data / "launcher.log"
    with said.open("w") as log:
        child = subprocess.Popen(
            [sys.executable, "-m", "agents.brokers.local_kafka", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    until = time.monotonic() + START_SECONDS
    while child.poll() is None and time.monotonic() < until:
        first = said.read_text().splitlines()[:1]
        if first and first[0].startswith("KAFKA_"):
            return first[0]
        time.sleep(0.1)
    if child.poll() is None:
        child.terminate()
    raise UserError(" ".join(said.read_text().split()).removeprefix("crs-monitor: ") or f"no cluster came up in {data}")


def known(data: Path) -> dict[str, Any] | None:
    """What a running cluster has said about itself; None when none is running here."""
    if not in_use(data) or not (data / RUNNING).is_file():
        return None
    running: dict[str, Any] = json.loads((data / RUNNING).read_text())
    return running


def in_use(data: Path) -> bool:
    """Whether a launcher holds this directory."""
    if not (data / LOCK).is_file():
        return False
    with (data / LOCK).open() as lock:
        return not held(lock.fileno())


def held(descriptor: int) -> bool:
    """Takes the lock of a directory, if nobody has it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


if __name__ == "__main__":
    main(prog_name="python -m agents.brokers.local_kafka")
