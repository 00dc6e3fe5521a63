"""Benchmark: from the append of an event to the log until its alert is appended, at 500 events/s on a real Kafka.

One worker. Log side: `log_appended_ms` in each alert's headers; alert side: the record's own timestamp. Aim on two
quiet cores: p99 <= 100 ms; with one message in ten poison, p99 <= 250 ms. Run it with `python -m benchmarks.latency`.
"""

from __future__ import annotations

import os
import tempfile
import threading
from contextlib import ExitStack
from pathlib import Path
from uuid import uuid4

import click
from confluent_kafka import Producer

from agents.brokers import topic_admin
from agents.brokers.local_kafka.cluster import Cluster
from agents.brokers.topic_specs import wanted_topics
from agents.platform.kafka_connection import BOOTSTRAP
from agents.platform.settings import Settings, load
from agents.verify.kafka_reader import KafkaReader
from schemas import topics
from tests.chaos.poison import doses
from tests.chaos.run import Load, finished, simulate, verify
from tests.chaos.supervisor import Supervised, ready

WARM_SECONDS = 10.0


@click.command()
@click.option("--rate", default=500.0, show_default=True, help="Events/s.")
@click.option("--seconds", default=60.0, show_default=True, help="Of load, each time.")
@click.option("--patients", default=300, show_default=True, help="Occupied beds.")
def main(rate: float, seconds: float, patients: int) -> None:
    """Measure a quiet run, then one with poison."""
    with ExitStack() as stack:
        servers = os.environ.get(BOOTSTRAP) or stack.enter_context(Cluster()).bootstrap_servers
        for poison in (False, True):
            prefix = f"latency-{uuid4().hex[:8]}."
            settings = load(bootstrap_servers=servers, topic_prefix=prefix, partitions=6)
            topic_admin.create(settings, wanted_topics(settings))
            found, verdict = measured(settings, Load(seconds, rate, patients), poison)
            name = "with one message in ten poison" if poison else "quiet"
            click.echo(f"{name}: {summary(found)}; verify: ok={verdict['ok']}")


def measured(settings: Settings, load: Load, poison: bool) -> tuple[list[float], dict[str, object]]:
    """Delays in ms of all alerts after the first seconds, and the checker's verdict."""
    directory = Path(tempfile.mkdtemp(prefix="crs-latency-"))
    done = threading.Event()
    with Supervised("worker", directory, settings) as worker:
        ready([worker])
        sending = simulate(settings, load, directory / "ledger.ndjson")
        poisoner = threading.Thread(target=poisoning, args=(settings, load.rate / 9, done), daemon=True)
        if poison:
            poisoner.start()
        finished(sending, load.seconds + 120)
        done.set()
        verdict = verify(settings, 60)
    return delays(settings), verdict


def poisoning(settings: Settings, rate: float, done: threading.Event) -> None:
    """Sends invalid messages at a rate, until `done` is set."""
    producer = Producer(settings.librdkafka() | {"message.max.bytes": 1_100_000})
    while not done.is_set():
        for dose, _ in doses(1):
            producer.produce(settings.topic(topics.VITALS), dose)
            producer.poll(0)
            if done.wait(1 / rate):
                break
    producer.flush(30)


def delays(settings: Settings) -> list[float]:
    """From log append to alert append, ms, of each alert's first appearance."""
    brokers = KafkaReader(settings)
    topic, found = settings.topic(topics.ALERTS), []
    for partition, bounds in brokers.bounds(topic).items():
        for record in brokers.read(topic, partition, *bounds):
            appended = record.header("log_appended_ms")
            if appended is not None:
                found.append((int(appended), record.timestamp - int(appended)))
    brokers.close()
    first = min((at for at, _ in found), default=0)
    return sorted(float(delay) for at, delay in found if at - first > WARM_SECONDS * 1000)


def summary(delays: list[float]) -> str:
    """The percentiles, as text."""
    if not delays:
        return "no alerts"
    at = {share: delays[min(len(delays) - 1, int(len(delays) * share))] for share in (0.5, 0.95, 0.99)}
    return f"{len(delays)} alerts, p50 {at[0.5]:.0f} ms, p95 {at[0.95]:.0f} ms, p99 {at[0.99]:.0f} ms"


if __name__ == "__main__":
    main()
