"""Benchmark of the whole path: from the append of an event to the log until a pager (20 ms) has accepted its page.

A real Kafka, a worker, a dispatcher, the simulated ward at 500 events/s, and a pager in a process of its own.
Aim: p99 <= 250 ms; the first seconds, in which a JVM and four processes start, are not counted.
Run it with `python -m benchmarks.bedside_to_pager`.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

import click
from prometheus_client.parser import text_string_to_metric_families

from agents.brokers import topic_admin
from agents.brokers.topic_specs import wanted_topics
from agents.platform.kafka_connection import BOOTSTRAP
from agents.platform.settings import Settings, load
from benchmarks.dispatch import broker, dispatcher, pager

STARTING_SECONDS = 60.0
WARM_SECONDS = 10.0


def free_port() -> int:
    """A free port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def delays(port: int, name: str) -> dict[float, int]:
    """A histogram of a process: bucket limit in seconds -> count up to it."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
        families = text_string_to_metric_families(answer.read().decode())
    return {
        float(sample.labels["le"]): int(sample.value)
        for family in families
        for sample in family.samples
        if sample.name == f"{name}_bucket"
    }


def ready(port: int) -> bool:
    """Whether the process is ready."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def start(settings: Settings, *arguments: str) -> subprocess.Popen[bytes]:
    """A running command of crs-monitor."""
    environment = {
        **os.environ,
        BOOTSTRAP: settings.bootstrap_servers,
        "CRS_TOPIC_PREFIX": settings.topic_prefix,
        "CRS_PARTITIONS": str(settings.partitions),
    }
    return subprocess.Popen(
        [sys.executable, "-m", "agents.cli.main", *arguments], env=environment, stderr=subprocess.DEVNULL
    )


def since(before: dict[float, int], after: dict[float, int]) -> dict[float, int]:
    """The difference of two histograms."""
    return {limit: number - before.get(limit, 0) for limit, number in after.items()}


def at_most(counts: dict[float, int], part: float) -> float:
    """The upper limit of the bucket that contains this quantile."""
    total = max(counts.values(), default=0)
    return next((limit for limit, number in sorted(counts.items()) if total and number >= part * total), float("inf"))


@click.command()
@click.option("--rate", default=500, show_default=True, help="Events a second.")
@click.option("--patients", default=300, show_default=True)
@click.option("--seconds", default=70, show_default=True)
def main(rate: int, patients: int, seconds: int) -> None:
    """Print quantiles of the delays, and one line of JSON at the end."""
    pipe, pager_pipe = multiprocessing.Pipe()
    child = multiprocessing.Process(target=pager, args=(pager_pipe,), daemon=True)
    child.start()
    port, worker_port, dispatch_port = pipe.recv(), free_port(), free_port()
    with TemporaryDirectory() as directory, broker() as servers:
        settings = load(bootstrap_servers=servers, topic_prefix=f"bench-{uuid4().hex[:8]}.", partitions=4)
        wanted = wanted_topics(settings)
        topic_admin.create(settings, wanted)
        data = str(Path(directory) / "data")
        worker = start(
            settings, "worker", "--data-dir", data, "--metrics-port", str(worker_port), "--log-level", "warning"
        )
        try:
            with dispatcher(settings, port, Path(directory), "--metrics-port", str(dispatch_port)):
                until = time.monotonic() + STARTING_SECONDS
                while not (ready(worker_port) and ready(dispatch_port)):
                    assert time.monotonic() < until, f"not ready after {STARTING_SECONDS:.0f} s"
                    time.sleep(0.2)
                arguments = [
                    "--patients",
                    str(patients),
                    "--rate",
                    str(rate),
                    "--duration",
                    str(seconds),
                    "--seed",
                    "1",
                ]
                sending = start(settings, "simulate", *arguments)
                time.sleep(WARM_SECONDS)
                paged_before = delays(dispatch_port, "crs_page_seconds")
                alerts_before = delays(worker_port, "crs_alert_latency_seconds")
                assert sending.wait(seconds + 60) == 0, "simulate was not accepted"
                time.sleep(2)
                counts = since(paged_before, delays(dispatch_port, "crs_page_seconds"))
                alerts = since(alerts_before, delays(worker_port, "crs_alert_latency_seconds"))
        finally:
            worker.terminate()
            worker.wait(30)
        topic_admin.delete(settings, [topic.name for topic in wanted])
    pipe.send(0)
    child.join(5)
    figures = {
        "events_per_s": rate,
        "pages": max(counts.values(), default=0),
        "alert_p99_at_most_ms": round(at_most(alerts, 0.99) * 1000),
        "p50_at_most_ms": round(at_most(counts, 0.5) * 1000),
        "p99_at_most_ms": round(at_most(counts, 0.99) * 1000),
    }
    click.echo(f"alerts: 99 % within {figures['alert_p99_at_most_ms']} ms of the log")
    click.echo(f"{figures['pages']} pages: half within {figures['p50_at_most_ms']} ms")
    click.echo(f"99 % within {figures['p99_at_most_ms']} ms")
    click.echo(json.dumps(figures))


if __name__ == "__main__":
    main()
