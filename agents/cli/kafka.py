"""`crs-monitor kafka up|down|status`: a real Kafka on this machine, without Docker, for development and for tests."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from agents.brokers.local_kafka.cluster import Cluster, answering
from agents.brokers.local_kafka.data_directory import announced, is_locked, locked, running_cluster
from agents.platform.errors import UserError
from agents.platform.signals import stop_requested

ClickFunction = TypeVar("ClickFunction", bound=Callable[..., Any])
DATA = Path("out/kafka")
START_SECONDS = 120.0
POLL_SECONDS = 0.5


@click.group("kafka")
def command() -> None:
    """Run a real Kafka on loopback: KRaft brokers from Kafka's published libraries, on this machine's Java."""


def data_option(function: ClickFunction) -> ClickFunction:
    """Adds the option --data to a click command."""
    return click.option(
        "--data", type=click.Path(path_type=Path), default=DATA, show_default=True, help="Directory of the cluster."
    )(function)


@command.command()
@click.option("--nodes", type=click.Choice(["1", "3"]), default="1", show_default=True, help="How many brokers.")
@data_option
@click.option("--port", type=click.IntRange(1024, 65533), default=9092, show_default=True, help="Of the first broker.")
@click.option("--detach", is_flag=True, help="Come back when it is up; `crs-monitor kafka down` stops it.")
def up(nodes: str, data: Path, port: int, detach: bool) -> None:
    """Start a cluster; Ctrl-C stops it. Its data stays for the next time."""
    data = data.absolute()
    if detach:
        click.echo(start_detached(data, ["--nodes", nodes, "--data", str(data), "--port", str(port)]))
        return
    with stop_requested() as stopping, locked(data):
        cluster = Cluster(int(nodes), data, port)
        try:
            cluster.up(stopping)
            run(cluster, data, stopping)
        finally:
            if stopping.is_set():
                click.echo("stopping", err=True)
            cluster.down()


def run(cluster: Cluster, data: Path, stopping: threading.Event) -> None:
    """Prints where the brokers are and returns when `stopping` is set. Raises UserError when a broker ends."""
    with announced(data, cluster.bootstrap_servers, len(cluster.nodes)):
        if not stopping.is_set():
            click.echo(f"KAFKA_BOOTSTRAP_SERVERS={cluster.bootstrap_servers}")
            click.echo(f"logs: {data}/node-*/server.log; Ctrl-C stops it", err=True)
        while not stopping.is_set():
            time.sleep(POLL_SECONDS)
            cluster.fail_if_ended(set(cluster.nodes))


@command.command()
@data_option
def down(data: Path) -> None:
    """Stop the cluster and wait until it has ended."""
    running = running_cluster(data)
    if running is None:
        click.echo(f"no cluster is running in {data}", err=True)
        return
    os.kill(running.pid, signal.SIGTERM)
    until = time.monotonic() + START_SECONDS
    while is_locked(data):
        if time.monotonic() > until:
            raise UserError(f"the cluster in {data} does not stop; its process is {running.pid}")
        time.sleep(0.1)
    click.echo("stopped", err=True)


@command.command()
@data_option
def status(data: Path) -> None:
    """Print which brokers answer; exit 1 unless all do."""
    running = running_cluster(data)
    if running is None:
        click.echo(f"no cluster is running in {data}", err=True)
        sys.exit(1)
    there = len(answering(running.bootstrap_servers, seconds=5.0))
    click.echo(f"KAFKA_BOOTSTRAP_SERVERS={running.bootstrap_servers}")
    click.echo(f"{there} of {running.nodes} brokers answer", err=True)
    sys.exit(0 if there == running.nodes else 1)


def start_detached(data: Path, options: list[str]) -> str:
    """Starts `kafka up` in the background and returns its first line once the cluster is up. Raises UserError."""
    data.mkdir(parents=True, exist_ok=True)
    log_path = data / "launcher.log"
    with log_path.open("w") as log:
        child = subprocess.Popen(
            [sys.executable, "-m", "agents.cli.main", "kafka", "up", *options],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    until = time.monotonic() + START_SECONDS
    while child.poll() is None and time.monotonic() < until:
        first = log_path.read_text().splitlines()[:1]
        if first and first[0].startswith("KAFKA_"):
            return first[0]
        time.sleep(0.1)
    if child.poll() is None:
        child.terminate()
    output = " ".join(log_path.read_text().split())
    raise UserError(output.removeprefix("crs-monitor: ") or f"no cluster came up in {data}")
