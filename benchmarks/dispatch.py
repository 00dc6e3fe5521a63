"""Benchmark of paging latency: from the append of an alert until a pager that needs 20 ms has accepted it.

A real Kafka, `crs-monitor dispatch` as a process, and a pager in a process of its own. First a steady stream of alerts,
then 500 in one second, a fifth of them high. Aims: steady p99 <= 250 ms; of the burst every high one within 5 s.
Run it with `python -m benchmarks.dispatch [--rate N]`; KAFKA_BOOTSTRAP_SERVERS, or else a broker on a local JVM.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple
from uuid import uuid4

import click
from aiohttp import web
from confluent_kafka import Producer

from agents.brokers import topic_admin
from agents.brokers.local_kafka.cluster import Cluster
from agents.brokers.topic_specs import wanted_topics
from agents.platform.kafka_connection import BOOTSTRAP
from agents.platform.settings import Settings, load
from schemas import topics
from schemas.alerts import Alert, Rule

PAGER_SECONDS = 0.02
BURST = 500
HIGH_EACH = 5
CONFIG = """
[dispatch]
reference_secret = {{ env = "BENCH_SECRET" }}
default = [["pager"]]
[dispatch.destinations.pager]
kind = "webhook"
url = "http://127.0.0.1:{port}/"
secrets = [{{ env = "BENCH_SIGNING" }}]
flood_pages = 0
at_once = 64
"""
SECRETS = {"BENCH_SECRET": "a-secret-of-the-benchmark", "BENCH_SIGNING": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}
ALERT = Alert(
    alert_id="a",
    version=1,
    status="raised",
    kind="step",
    priority="medium",
    patient_id="p",
    episode=1,
    grade=2,
    previous_grade=1,
    astct_grade=2,
    effective_at=datetime.now(UTC),
    raised_at=datetime.now(UTC),
    title="",
    message="",
    rule=Rule(id="r", profile="house", profile_version="1", source="benchmark"),
)


class AcceptedPage(NamedTuple):
    """One page that the pager accepted; `at` in Unix seconds."""

    alert_id: str
    priority: str
    at: float


def pager(pipe: Connection) -> None:
    """A pager that needs 20 ms per page. Sends its port, then its pages so far for each 1 in the pipe; 0 ends it."""
    accepted: list[AcceptedPage] = []

    async def accept(request: web.Request) -> web.Response:
        data = (await request.json())["data"]
        await asyncio.sleep(PAGER_SECONDS)
        accepted.append(AcceptedPage(data["alert_id"], data["priority"], time.time()))
        return web.Response(status=202)

    async def serve() -> None:
        app = web.Application()
        app.router.add_post("/", accept)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        pipe.send(runner.addresses[0][1])
        while True:
            while not pipe.poll():
                await asyncio.sleep(0.02)
            if not pipe.recv():
                return
            pipe.send(list(accepted))

    asyncio.run(serve())


@contextmanager
def broker() -> Iterator[str]:
    """The Kafka of KAFKA_BOOTSTRAP_SERVERS, or one on a local JVM."""
    given = os.environ.get(BOOTSTRAP)
    if given:
        yield given
    else:
        with Cluster() as cluster:
            yield cluster.bootstrap_servers


@contextmanager
def dispatcher(settings: Settings, port: int, directory: Path, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """The measured process."""
    file = directory / "dispatch.toml"
    file.write_text(CONFIG.format(port=port))
    environment = {
        **os.environ,
        **SECRETS,
        BOOTSTRAP: settings.bootstrap_servers,
        "CRS_TOPIC_PREFIX": settings.topic_prefix,
    }
    command = [sys.executable, "-m", "agents.cli.main", "dispatch", "--config", str(file), "--log-level", "warning"]
    process = subprocess.Popen([*command, *arguments], env=environment)
    try:
        yield process
        assert process.poll() is None, "the dispatcher ended"
    finally:
        process.terminate()
        process.wait(30)


def cpu_seconds(process: subprocess.Popen[bytes]) -> float:
    """Processor time of a process so far, in seconds."""
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Sender:
    """Appends alerts as watch does, and keeps the time of each."""

    def __init__(self, settings: Settings) -> None:
        self.topic = settings.topic(topics.ALERTS)
        self.producer = Producer(settings.librdkafka() | {"acks": "all", "linger.ms": 0})
        self.sent: dict[str, float] = {}

    def send(self, name: str, *, high: bool) -> None:
        """One new alert of one new patient."""
        at = time.time()
        priority = "high" if high else "medium"
        one = ALERT.model_copy(update={"alert_id": name, "patient_id": f"p{name}", "priority": priority})
        headers: list[tuple[str, str | bytes | None]] = [("log_appended_ms", str(int(at * 1000)).encode())]
        self.sent[name] = at
        self.producer.produce(self.topic, one.model_dump_json().encode(), one.patient_id.encode(), headers=headers)
        self.producer.poll(0)


def collect(pipe: Connection, wanted: set[str], seconds: float = 60.0) -> dict[str, AcceptedPage]:
    """The pages about these alerts, once all of them were accepted."""
    until = time.monotonic() + seconds
    while True:
        pipe.send(1)
        found = {one.alert_id: one for one in pipe.recv() if one.alert_id in wanted}
        if len(found) == len(wanted):
            return found
        assert time.monotonic() < until, f"{len(found)} of {len(wanted)} after {seconds} s"
        time.sleep(0.1)


def percentile(values: list[float], part: float) -> float:
    """The smallest value that this part of all values does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))]


def steady(sender: Sender, pipe: Connection, rate: int, seconds: int) -> list[float]:
    """Delays of a steady stream, in seconds."""
    names = [f"s{n}" for n in range(rate * seconds)]
    began = time.monotonic()
    for number, name in enumerate(names):
        time.sleep(max(0.0, began + number / rate - time.monotonic()))
        sender.send(name, high=number % HIGH_EACH == 0)
    pages = collect(pipe, set(names))
    return [pages[name].at - sender.sent[name] for name in names]


def burst(sender: Sender, pipe: Connection) -> dict[str, list[float]]:
    """Delays of 500 alerts in one second, in seconds by priority."""
    names = [f"b{n}" for n in range(BURST)]
    began = time.monotonic()
    for number, name in enumerate(names):
        time.sleep(max(0.0, began + number / BURST - time.monotonic()))
        sender.send(name, high=number % HIGH_EACH == 0)
    delays: dict[str, list[float]] = {"high": [], "medium": []}
    for name, page in collect(pipe, set(names)).items():
        delays[page.priority].append(page.at - sender.sent[name])
    return delays


@click.command()
@click.option("--rate", default=100, show_default=True, help="Alerts a second of the steady stream.")
@click.option("--seconds", default=10, show_default=True)
def main(rate: int, seconds: int) -> None:
    """Print delays, and one line of JSON at the end."""
    pipe, pager_pipe = multiprocessing.Pipe()
    child = multiprocessing.Process(target=pager, args=(pager_pipe,), daemon=True)
    child.start()
    port = pipe.recv()
    with TemporaryDirectory() as directory, broker() as servers:
        settings = load(bootstrap_servers=servers, topic_prefix=f"bench-{uuid4().hex[:8]}.", partitions=12)
        wanted = wanted_topics(settings)
        topic_admin.create(settings, wanted)
        with dispatcher(settings, port, Path(directory)) as process:
            sender = Sender(settings)
            sender.send("warm", high=True)
            collect(pipe, {"warm"})
            before = cpu_seconds(process)
            delays = steady(sender, pipe, rate, seconds)
            used = cpu_seconds(process) - before
            bursts = burst(sender, pipe)
            sender.producer.flush(10)
        topic_admin.delete(settings, [topic.name for topic in wanted])
    pipe.send(0)
    child.join(5)
    figures = {
        "steady_alerts_per_s": rate,
        "steady_p50_ms": round(percentile(delays, 0.5) * 1000),
        "steady_p99_ms": round(percentile(delays, 0.99) * 1000),
        "steady_cpu_ms_a_page": round(used / len(delays) * 1000, 2),
        "burst_high_p99_ms": round(percentile(bursts["high"], 0.99) * 1000),
        "burst_high_max_ms": round(max(bursts["high"]) * 1000),
        "burst_all_max_ms": round(max(max(each) for each in bursts.values()) * 1000),
    }
    click.echo(f"steady, {rate} alerts/s: p50 {figures['steady_p50_ms']} ms, p99 {figures['steady_p99_ms']} ms")
    click.echo(f"processor time of the dispatcher: {figures['steady_cpu_ms_a_page']} ms a page")
    click.echo(f"burst of {BURST}: high p99 {figures['burst_high_p99_ms']} ms, all {figures['burst_all_max_ms']} ms")
    click.echo(json.dumps(figures))


if __name__ == "__main__":
    main()
