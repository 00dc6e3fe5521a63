"""An embedded Kafka for the demonstration and quick tests: librdkafka's mock cluster in a child process.

The child ends with the process that started it. `python -m agents.brokers.embedded` runs one by hand until Ctrl-C.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self

import click

from agents.brokers.mock_cluster import MockKafka
from agents.brokers.topic_specs import wanted_topics
from agents.platform import child_processes
from agents.platform.errors import UserError
from agents.platform.settings import Settings, load
from agents.platform.signals import stop_requested, wait_for_stop
from schemas.topics import DEFAULT_PREFIX

FAULTS = ("topic", "down", "up", "round_trip", "leader", "coordinator", "errors")


class EmbeddedKafka:
    """A mock cluster with our topics; each method that is named like a fault injects it."""

    def __init__(
        self, partitions: int = 4, *, topics: Sequence[str] = (), topic_prefix: str = DEFAULT_PREFIX, brokers: int = 1
    ) -> None:
        """`topics`: further topics besides the system's own, by full name."""
        self.partitions, self.topic_prefix = partitions, topic_prefix
        self._command = [sys.executable, "-m", "agents.brokers.embedded", "--piped", "--brokers", str(brokers)]
        self._command += ["--partitions", str(partitions), "--topic-prefix", topic_prefix]
        self._command += ["--topics", ",".join(topics)] if topics else []
        self._process: subprocess.Popen[str] | None = None
        self._stderr = tempfile.TemporaryFile("w+", encoding="utf-8")  # noqa: SIM115 (closed with the pipes)
        self.bootstrap_servers = ""

    def __enter__(self) -> Self:
        self._process = child_processes.start(
            self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._stderr, text=True
        )
        self.bootstrap_servers = self._answer()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._process is not None:
            child_processes.end([self._process])
            for each in (self._process.stdin, self._process.stdout, self._stderr):
                if each is not None:
                    each.close()

    def settings(self, **overrides: Any) -> Settings:
        """Settings of a client. A mock broker never answers a waiting fetch early, so fetches wait only briefly."""
        own: dict[str, Any] = {"topic_prefix": self.topic_prefix, "partitions": self.partitions, "fetch_wait_ms": 10}
        return load(bootstrap_servers=self.bootstrap_servers, **(own | overrides))

    def topic(self, name: str, partitions: int) -> None:
        """Creates one more topic."""
        self._inject("topic", name, partitions)

    def down(self, broker: int = 1) -> None:
        """Closes the broker's connections and lets it accept none."""
        self._inject("down", broker)

    def up(self, broker: int = 1) -> None:
        """Lets the broker accept connections again."""
        self._inject("up", broker)

    def round_trip(self, milliseconds: int, broker: int = 1) -> None:
        """Delays every answer of the broker."""
        self._inject("round_trip", milliseconds, broker)

    def leader(self, topic: str, partition: int, broker: int) -> None:
        """Makes a broker the leader of a partition."""
        self._inject("leader", topic, partition, broker)

    def coordinator(self, group: str, broker: int) -> None:
        """Makes a broker the coordinator of a consumer group."""
        self._inject("coordinator", group, broker)

    def errors(self, request: int, *codes: int) -> None:
        """Fails the next requests of a kind with these error codes, one after the other (`MockKafka.errors`)."""
        self._inject("errors", request, list(codes))

    def _inject(self, fault: str, *arguments: Any) -> None:
        assert self._process is not None, "entered"
        assert self._process.stdin is not None, "piped"
        self._process.stdin.write(json.dumps([fault, *arguments]) + "\n")
        self._process.stdin.flush()
        self._answer()

    def _answer(self) -> str:
        assert self._process is not None, "entered"
        assert self._process.stdout is not None, "piped"
        line = self._process.stdout.readline()
        if not line:
            self._stderr.seek(0)
            error = " ".join(self._stderr.read().split()).removeprefix("crs-monitor: ")
            raise UserError(f"the embedded broker ended: {error or 'no reason given'}")
        return line.strip()


@click.command()
@click.option("--partitions", type=click.IntRange(1, 4096), default=4, show_default=True, help="Of every topic.")
@click.option("--topics", help="More topics than the system's own, separated by commas.")
@click.option("--topic-prefix", default=DEFAULT_PREFIX, show_default=True, help="Of the system's own topics.")
@click.option("--brokers", type=click.IntRange(1, 9), default=1, show_default=True, help="How many.")
@click.option("--piped", is_flag=True, hidden=True, help="Read faults from standard input; end with it.")
def main(partitions: int, topics: str | None, topic_prefix: str, brokers: int, piped: bool) -> None:
    """Run an embedded Kafka until Ctrl-C. Nothing is kept on disk."""
    cluster = MockKafka(brokers)
    settings = load(topic_prefix=topic_prefix, partitions=partitions)
    names = [topic.name for topic in wanted_topics(settings)]
    for name in (*names, *(topics.split(",") if topics else ())):
        cluster.topic(name, partitions)
    click.echo(cluster.bootstrap_servers if piped else f"KAFKA_BOOTSTRAP_SERVERS={cluster.bootstrap_servers}")
    if piped:
        apply_faults(cluster)
    else:
        with stop_requested() as stopping:
            wait_for_stop(stopping)
    cluster.close()


def apply_faults(cluster: MockKafka) -> None:
    """Reads faults from standard input, a JSON list a line, and answers each with a line, until the input ends."""
    for line in sys.stdin:
        fault, *arguments = json.loads(line)
        assert fault in FAULTS, f"unknown fault {fault}"
        getattr(cluster, fault)(*arguments)
        click.echo("done")


if __name__ == "__main__":
    main(prog_name="python -m agents.brokers.embedded")
