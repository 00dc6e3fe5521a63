"""An embedded Kafka for the demo and quick tests: librdkafka's mock cluster in a child process that dies with us.

`python -m agents.brokers.embedded` runs one by hand until Ctrl-C.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self

import click

from agents.brokers.mock_cluster import MockKafka
from agents.brokers.topic_specs import wanted_topics
from agents.platform import child_processes
from agents.platform.errors import UserError
from agents.platform.settings import Settings, load
from schemas.topics import DEFAULT_PREFIX

FAULTS = ("topic", "down", "up", "round_trip", "leader", "coordinator", "errors")


class Embedded:
    """A mock cluster with our topics in it; each method named like a fault makes it happen."""

    def __init__(
        self, partitions: int = 4, *, topics: Sequence[str] = (), topic_prefix: str = DEFAULT_PREFIX, brokers: int = 1
    ) -> None:
        """`topics`: more than the system's own, by full name."""
        self.partitions, self.topic_prefix = partitions, topic_prefix
        self._command = [sys.executable, "-m", "agents.brokers.embedded", "--piped", "--brokers", str(brokers)]
        self._command += ["--partitions", str(partitions), "--topic-prefix", topic_prefix]
        self._command += ["--topics", ",".join(topics)] if topics else []
        self._process: subprocess.Popen[str] | None = None
        self._said = tempfile.TemporaryFile("w+", encoding="utf-8")  # noqa: SIM115 (closed with the pipes)
        self.bootstrap_servers = ""

    def __enter__(self) -> Self:
        self._process = child_processes.start(
            self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._said, text=True
        )
        self.bootstrap_servers = self._answer()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._process is not None:
            child_processes.end([self._process])
            for each in (self._process.stdin, self._process.stdout, self._said):
                if each is not None:
                    each.close()

    def settings(self, **overrides: Any) -> Settings:
        """Settings for whoever works with it; fetches are not woken here, so they wait only briefly."""
        ours: dict[str, Any] = {"topic_prefix": self.topic_prefix, "partitions": self.partitions, "fetch_wait_ms": 10}
        return load(bootstrap_servers=self.bootstrap_servers, **(ours | overrides))

    def topic(self, name: str, partitions: int) -> None:
        """Creates one more topic."""
        self._do("topic", name, partitions)

    def down(self, broker: int = 1) -> None:
        """The broker's connections break, and it accepts none."""
        self._do("down", broker)

    def up(self, broker: int = 1) -> None:
        """It accepts connections again."""
        self._do("up", broker)

    def round_trip(self, milliseconds: int, broker: int = 1) -> None:
        """Every answer takes that long."""
        self._do("round_trip", milliseconds, broker)

    def leader(self, topic: str, partition: int, broker: int) -> None:
        """Makes a broker the leader of a partition."""
        self._do("leader", topic, partition, broker)

    def coordinator(self, group: str, broker: int) -> None:
        """Makes a broker the coordinator of a consumer group."""
        self._do("coordinator", group, broker)

    def errors(self, request: int, *codes: int) -> None:
        """The next requests of a kind fail with these codes, one after the other (`MockKafka.errors`)."""
        self._do("errors", request, list(codes))

    def _do(self, fault: str, *arguments: Any) -> None:
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
            self._said.seek(0)
            said = " ".join(self._said.read().split()).removeprefix("crs-monitor: ")
            raise UserError(f"the embedded broker ended: {said or 'no reason given'}")
        return line.strip()


@click.command()
@click.option("--partitions", type=click.IntRange(1, 4096), default=4, show_default=True, help="Of every topic.")
@click.option("--topics", help="More topics than the system's own, separated by commas.")
@click.option("--topic-prefix", default=DEFAULT_PREFIX, show_default=True, help="Of the system's own topics.")
@click.option("--brokers", type=click.IntRange(1, 9), default=1, show_default=True, help="How many.")
@click.option("--piped", is_flag=True, hidden=True, help="Take faults from standard input; end with it.")
def main(partitions: int, topics: str | None, topic_prefix: str, brokers: int, piped: bool) -> None:
    """Run an embedded Kafka until Ctrl-C. Nothing is kept on disk."""
    cluster = MockKafka(brokers)
    settings = load(topic_prefix=topic_prefix, partitions=partitions)
    names = [topic.name for topic in wanted_topics(settings)]
    for name in (*names, *(topics.split(",") if topics else ())):
        cluster.topic(name, partitions)
    click.echo(cluster.bootstrap_servers if piped else f"KAFKA_BOOTSTRAP_SERVERS={cluster.bootstrap_servers}")
    if piped:
        obey(cluster)
    else:
        leave = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: leave.set())
        leave.wait()
    cluster.close()


def obey(cluster: MockKafka) -> None:
    """Faults, one JSON list a line, each answered with a line; until whoever started us is gone."""
    for line in sys.stdin:
        fault, *arguments = json.loads(line)
        assert fault in FAULTS, f"{fault} is no fault"
        getattr(cluster, fault)(*arguments)
        click.echo("done")


if __name__ == "__main__":
    main(prog_name="python -m agents.brokers.embedded")
