"""Benchmark: events/s per worker core, end to end with durable state on a real Kafka, beside three rivals.

One run prints them all: our worker (rows with every batch, and once a second), Faust as its documentation has it, a
bare aiokafka loop, and Quix Streams with its changelog on; the same engine and the same events for all. Then the
recovery of many rows, memory for each patient, and two workers against one. CPU is that of the worker's process alone.
`python -m benchmarks.stream --help`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from importlib.metadata import requires
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

import click
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from agents.brokers import topic_admin
from agents.brokers.local_kafka.cluster import Cluster
from agents.brokers.topic_specs import wanted_topics
from agents.engine import changelog
from agents.engine.changelog import Marker
from agents.engine.partition import Partition
from agents.engine.partitioning import partition_of
from agents.platform import child_processes
from agents.platform.kafka_connection import BOOTSTRAP
from agents.platform.settings import Settings, load
from agents.verify.kafka_reader import KafkaReader
from agents.verify.kafka_writer import KafkaWriter
from agents.verify.snapshot import Snapshot
from monitor.guidelines import in_force
from monitor.record import row
from monitor.units import to_datetime
from schemas import topics
from tests.chaos.environment import ROOT
from tests.chaos.supervisor import Supervised, ready
from tests.waiting import wait_until

PATIENCE_SECONDS = 300.0
QUIX = "quixstreams>=3.28,<4"
QUIX_HOME = ROOT / "out" / "bench" / "quix"
BACKLOG = 5  # times as many events, so that what does not count is small beside what does
CAUGHT_UP = "the workers have caught up"
IDLE: list[int] = []  # memory of workers without patients, bytes
BEGAN = 1_790_000_000_000


class Spent(NamedTuple):
    """CPU and wall seconds of one run."""

    cpu: float
    wall: float
    events: int

    @property
    def micros(self) -> float:
        """CPU microseconds of the worker for one event."""
        return self.cpu / self.events * 1e6

    def line(self, name: str) -> str:
        """As a line of the table."""
        per_core, wall = self.events / self.cpu, self.events / self.wall
        return f"{name:<52} {self.micros:9.1f} {per_core:14,.0f} {wall:14,.0f}"


class Plan(NamedTuple):
    """The size of a benchmark."""

    events: int
    slow_events: int
    patients: int
    partitions: int
    rows: int
    directory: Path


@click.command()
@click.option("--events", default=60_000, show_default=True, help="Events for the fast ones.")
@click.option("--slow-events", default=8_000, show_default=True, help="Events for idiomatic Faust.")
@click.option("--patients", default=300, show_default=True, help="Patients.")
@click.option("--partitions", default=6, show_default=True, help="Partitions.")
@click.option("--rows", default=100_000, show_default=True, help="Rows that a worker recovers.")
@click.option("--quix/--no-quix", default=True, show_default=True, help=f"With {QUIX}, installed on first use.")
def main(events: int, slow_events: int, patients: int, partitions: int, rows: int, quix: bool) -> None:
    """Measure everything; about five minutes on two quiet cores."""
    with ExitStack() as stack:
        servers = os.environ.get(BOOTSTRAP) or stack.enter_context(Cluster()).bootstrap_servers
        directory = ROOT / "out" / "bench" / uuid4().hex[:8]
        directory.mkdir(parents=True)
        plan = Plan(events, slow_events, patients, partitions, rows, directory)
        click.echo(f"{events} events of {patients} patients at 1 Hz, {partitions} partitions, {os.cpu_count()} cores")
        click.echo(f"{'':<52} {'CPU us/event':>9} {'events/s/core':>14} {'events/s wall':>14}")
        found = dict(measured(servers, plan, quix))
        ours, faust = found["our worker, rows once a second"], found["Faust, one table write for each event"]
        click.echo(f"ours / idiomatic Faust, events/s per core: {faust.micros / ours.micros:.1f} x")
        if other := found.get("Quix Streams, RocksDB and changelog"):
            click.echo(f"ours / Quix Streams: {other.micros / ours.micros:.1f} x")
        click.echo(f"ours / bare loop without recovery: {found['bare aiokafka loop'].micros / ours.micros:.2f} x")
        one, two = drained(servers, plan, 1), drained(servers, plan, 2)
        click.echo(f"a backlog drained: one worker {one:,.0f} events/s, two {two:,.0f}: {two / one:.2f} x")
        click.echo("(wall clock; the broker and the measuring process share these cores)")
        recovery(servers, plan)


def measured(servers: str, plan: Plan, quix: bool) -> Iterator[tuple[str, Spent]]:
    """Runs each one in turn and prints its line."""
    runs: list[tuple[str, Callable[[], Spent]]] = [
        ("our worker, rows with every batch", lambda: ours_spent(servers, plan, 0.0, "every")),
        ("our worker, rows once a second", lambda: ours_spent(servers, plan, 1.0, "behind")),
        ("our worker, feeds to log to alerts", lambda: ours_spent(servers, plan, 1.0, "feeds", feeds=True)),
        ("Faust, one table write for each event", lambda: faust_spent(servers, plan)),
        ("bare aiokafka loop", lambda: bare_spent(servers, plan)),
    ]
    if quix:
        runs.append(("Quix Streams, RocksDB and changelog", lambda: quix_spent(servers, plan)))
    for name, run in runs:
        spent = run()
        click.echo(spent.line(name))
        yield name, spent


# ---- events


def events_of(plan: Plan) -> Iterator[tuple[bytes, bytes]]:
    """Readings of monitors, 1 Hz for each patient: steady, with a little noise. Gives (key, value)."""
    number = 0
    while True:
        second, patient = divmod(number, plan.patients)
        at = to_datetime(BEGAN + second * 1000).isoformat()
        event = {
            "type": "vitals",
            "event_id": f"m{number}",
            "patient_id": f"patient-{patient:06d}",
            "effective_at": at,
            "received_at": at,
            "temperature_celsius": 36.8 + (number % 3) / 10,
            "heart_rate_per_min": 80 + number % 5,
            "respiratory_rate_per_min": 16,
            "systolic_mmhg": 122 + number % 7,
            "spo2_percent": 97,
        }
        yield event["patient_id"].encode(), json.dumps(event).encode()  # type: ignore[attr-defined]
        number += 1


def send(servers: str, topic: str, plan: Plan, events: int) -> None:
    """Sends all events as fast as possible, each to its patient's partition."""
    producer = Producer(
        {"bootstrap.servers": servers, "linger.ms": 20, "queue.buffering.max.messages": 1_000_000, "log_level": 0}
    )
    for key, value in islice(events_of(plan), events):
        producer.produce(topic, value, key, partition_of(key, plan.partitions))
        producer.poll(0)
    assert producer.flush(60) == 0, "all are sent"


# ---- ours


@contextmanager
def own_topics(servers: str, plan: Plan, checkpoint_seconds: float) -> Iterator[Settings]:
    """Settings with topics for one run only."""
    given: dict[str, Any] = {"topic_prefix": f"bench-{uuid4().hex[:8]}.", "partitions": plan.partitions}
    settings = load(bootstrap_servers=servers, checkpoint_seconds=checkpoint_seconds, **given)
    wanted = wanted_topics(settings)
    topic_admin.create(settings, wanted)
    try:
        yield settings
    finally:
        topic_admin.delete(settings, [topic.name for topic in wanted])


@contextmanager
def team_of(settings: Settings, plan: Plan, name: str, workers: int = 1) -> Iterator[list[Supervised]]:
    """Our workers, once they own all partitions; none of them may end during the run."""
    with ExitStack() as stack:
        team = [stack.enter_context(Supervised(f"{name}-{n}", plan.directory, settings)) for n in range(workers)]
        ready(team)
        wait_until(lambda: owned_by(team) >= plan.partitions, "every partition has an owner")
        yield team
        assert not any(w.exits for w in team), "no worker ended meanwhile"


def owned_by(team: Sequence[Supervised]) -> int:
    """How many partitions were claimed so far."""
    return sum(worker.logged("patients, from offset") for worker in team)


def ours_spent(servers: str, plan: Plan, checkpoint_seconds: float, name: str, *, feeds: bool = False) -> Spent:
    """The cost of our worker, from the first event until the markers have reached the last."""
    with own_topics(servers, plan, checkpoint_seconds) as settings, team_of(settings, plan, name) as [worker]:
        topic = settings.topic(topics.VITALS if feeds else topics.PATIENT_EVENTS)
        IDLE.append(resident(worker.pid))
        cpu, wall = cpu_seconds(worker.pid), time.perf_counter()
        send(servers, topic, plan, plan.events)
        with Progress(settings) as progress:
            wait_until(lambda: progress.logged() >= plan.events and progress.left() == 0, CAUGHT_UP, PATIENCE_SECONDS)
        return Spent(cpu_seconds(worker.pid) - cpu, time.perf_counter() - wall, plan.events)


def drained(servers: str, plan: Plan, workers: int) -> float:
    """Events a second of a team, by wall clock, from when all are in the log until all are in the rows."""
    with own_topics(servers, plan, 0.0) as settings, team_of(settings, plan, f"drain-{workers}", workers):
        send(servers, settings.topic(topics.PATIENT_EVENTS), plan, plan.events * BACKLOG)
        with Progress(settings) as progress:
            left, began = progress.left(), time.perf_counter()
            wait_until(lambda: progress.left() == 0, CAUGHT_UP, PATIENCE_SECONDS)
        return left / (time.perf_counter() - began)


class Progress:
    """How far the workers are, by their markers."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.brokers = KafkaReader(settings)
        self.rows = {partition: Snapshot(0) for partition in range(settings.partitions)}
        self.ends: dict[int, int] = {}

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_: object) -> None:
        self.brokers.close()

    def logged(self) -> int:
        """Records in the log."""
        bounds = self.brokers.bounds(self.settings.topic(topics.PATIENT_EVENTS))
        self.ends = {partition: bound.end for partition, bound in bounds.items()}
        return sum(self.ends.values())

    def left(self) -> int:
        """Records that are not in the rows yet; the last one of a partition may be a tick that waits for the next."""
        self.logged()
        for partition, bounds in self.brokers.bounds(self.settings.changelog).items():
            begin = max(self.rows[partition].position, bounds.end - 500)
            for record in self.brokers.read(self.settings.changelog, partition, begin, bounds.end):
                self.rows[partition].take(record)
        return sum(max(0, self.ends[p] - 1 - rows.marker.next_offset) for p, rows in self.rows.items())


def cpu_seconds(pid: int) -> float:
    """User and system time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


# ---- rivals


def faust_spent(servers: str, plan: Plan) -> Spent:
    """The cost of idiomatic Faust; it gets fewer events because it is slow."""
    topic = f"faust-{uuid4().hex[:8]}"
    create(servers, {topic: plan.partitions, f"rival-{topic}-rows-changelog": plan.partitions})
    command = [sys.executable, "-m", "benchmarks.rivals.faust_agent", servers, topic]
    return rival([*command, str(plan.partitions), str(plan.slow_events)], servers, topic, plan, plan.slow_events)


def bare_spent(servers: str, plan: Plan) -> Spent:
    """The cost of a bare aiokafka loop."""
    topic = f"bare-{uuid4().hex[:8]}"
    create(servers, {topic: plan.partitions, f"{topic}-rows": plan.partitions})
    command = [sys.executable, "-m", "benchmarks.rivals.bare_loop", servers, topic, f"{topic}-rows", str(plan.events)]
    return rival(command, servers, topic, plan, plan.events)


def quix_spent(servers: str, plan: Plan) -> Spent:
    """The cost of Quix Streams, in a virtual environment of its own: it pins an older client than ours."""
    python = QUIX_HOME / "bin" / "python"
    needed = [QUIX, *(line for line in requires("crs-monitor") or () if line.startswith(("lz4", "msgspec")))]
    installed = QUIX_HOME / "installed"
    if not (installed.exists() and installed.read_text() == str(needed)):
        click.echo(f"installing {QUIX} in {QUIX_HOME}", err=True)
        subprocess.run([sys.executable, "-m", "venv", str(QUIX_HOME)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "-q", *needed], check=True)
        installed.write_text(str(needed))
    topic = f"quix-{uuid4().hex[:8]}"
    create(servers, {topic: plan.partitions})
    command = [str(python), "-m", "benchmarks.rivals.quix_app", servers, topic, str(plan.events)]
    return rival(command, servers, topic, plan, plan.events)


def rival(command: Sequence[str], servers: str, topic: str, plan: Plan, events: int) -> Spent:
    """Starts a rival, sends events, and reads the cost that it prints at the end."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    errors = (plan.directory / f"{topic}.log").open("wb")
    child = child_processes.start(command, stdout=subprocess.PIPE, stderr=errors, text=True, env=environment)
    try:
        assert child.stdout is not None
        output = iter(child.stdout)
        assert next(output).strip() == "ready"
        time.sleep(8.0)  # the group forms
        send(servers, topic, plan, events)
        return Spent(**json.loads(next(output)))
    except (StopIteration, ValueError) as error:
        raise click.ClickException(f"{topic}: it ended early; see {errors.name}") from error
    finally:
        child_processes.end([child])
        errors.close()


def create(servers: str, wanted: dict[str, int]) -> None:
    """Topics for a rival."""
    admin = AdminClient({"bootstrap.servers": servers})
    made = admin.create_topics([NewTopic(name, partitions, 1) for name, partitions in wanted.items()])
    for each in made.values():
        each.result(30)


# ---- recovery


def recovery(servers: str, plan: Plan) -> None:
    """Prints how long a worker needs to recover many rows, and how much memory each patient takes."""
    with own_topics(servers, plan, 1.0) as settings:
        size = write_rows(settings, plan)
        began = time.perf_counter()
        with Supervised("recovering", plan.directory, settings) as worker:
            while worker.logged("patients, from offset") < plan.partitions:
                time.sleep(0.05)
                if time.perf_counter() - began > PATIENCE_SECONDS:
                    raise click.ClickException(f"it did not recover; see {worker.log}")
            took, memory = time.perf_counter() - began, resident(worker.pid)
    each = (memory - IDLE[0]) / plan.rows
    click.echo(f"recovery of {plan.rows} rows ({size:.0f} bytes each): {took:.1f} s from the start of the process")
    click.echo(f"memory: {memory / 1e6:.0f} MB resident, about {each / 1e3:.1f} kB a patient")


def write_rows(settings: Settings, plan: Plan) -> float:
    """Writes rows as a worker would have; gives their mean size in bytes."""
    guideline = in_force.load(settings.profile)
    partition = Partition(guideline, 0, settings.topic(topics.PATIENT_EVENTS))
    for number, (_, value) in enumerate(islice(events_of(plan), plan.patients * 20)):
        partition.apply([Logged(number, BEGAN, None, value)])
    models = [partition.row(patient_id) for patient_id in partition]
    writer = KafkaWriter(settings)
    written = 0
    for number in range(plan.rows):
        patient_id = f"patient-{number:06d}"
        model = models[number % len(models)]
        value = row.encode(model._replace(log_offset=-1, state=model.state._replace(patient_id=patient_id)))
        written += len(value)
        key = patient_id.encode()
        writer.write(settings.changelog, partition_of(key, plan.partitions), key, value, [(changelog.EPOCH, b"1")])
    for number in range(plan.partitions):
        for record in changelog.records_of({}, Marker(0, 1)):
            writer.write(settings.changelog, number, record.key, record.value, record.headers)
    writer.confirm()
    return written / plan.rows


class Logged(NamedTuple):
    """A record of the log."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes
    timestamp_type: int = 1


def resident(pid: int) -> int:
    """Memory of a process, bytes."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    main()
