"""A Kafka cluster on this machine for tests: each broker can be killed, stopped, paused and started again."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from agents.brokers.local_kafka.identity import is_free, load_or_choose
from agents.brokers.local_kafka.libraries import RECIPE, find_java, find_libraries
from agents.brokers.local_kafka.server_properties import HOST, Login, server_properties
from agents.platform import child_processes
from agents.platform.errors import UserError

MEMORY = ("-Xms128m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:MaxDirectMemorySize=256m", "-XX:-UsePerfData")
BROKER = "kafka.Kafka"
STOPPED_CLEANLY = 128 + signal.SIGTERM  # Java's exit code after SIGTERM
GRACE_SECONDS = 15.0


class Cluster:
    """One broker or three on loopback. Without a data directory of its own, the data is deleted at the end."""

    def __init__(
        self, nodes: int = 1, data: Path | None = None, port: int | None = None, login: Login | None = None
    ) -> None:
        """`port`: of the first broker, the others follow; None: any free ones. Raises UserError without Java."""
        self.java, self.libs = find_java(), find_libraries()
        self.classes = self.libs / f"classes-{self.java.version}.jsa"
        self.login = login
        self.temporary = data is None
        self.data = (data or Path(tempfile.mkdtemp(prefix="crs-kafka-"))).absolute()
        self.data.mkdir(parents=True, exist_ok=True)
        self.identity, self.ports = load_or_choose(self.data, nodes, port, login is not None)
        self.processes: dict[int, subprocess.Popen[Any]] = {}

    @property
    def nodes(self) -> range:
        """The numbers of the nodes, from 1."""
        return range(1, len(self.ports) + 1)

    @property
    def bootstrap_servers(self) -> str:
        """The addresses of the brokers."""
        return ",".join(f"{HOST}:{ports.broker}" for ports in self.ports)

    @property
    def login_servers(self) -> str:
        """The addresses for clients with a password (SASL_PLAINTEXT, PLAIN)."""
        return ",".join(f"{HOST}:{ports.login}" for ports in self.ports)

    def __enter__(self) -> Self:
        try:
            self.up()
        except BaseException:
            self.down()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.down()

    def up(self, stopping: threading.Event | None = None) -> None:
        """Starts every node and waits until all have joined, or until `stopping` is set."""
        for node in self.nodes:
            self.format(node)
        for node in self.nodes:
            self.launch(node)
        self.wait(stopping=stopping)

    def down(self) -> None:
        """Stops every node in good order; the data stays unless it was temporary."""
        child_processes.end(list(self.processes.values()), GRACE_SECONDS)
        if 1 in self.processes and self.processes[1].returncode == STOPPED_CLEANLY:
            self.keep_classes()
        self.processes.clear()
        if self.temporary:
            shutil.rmtree(self.data, ignore_errors=True)

    def kill(self, node: int) -> None:
        """Kills a node, as when the power fails."""
        self.processes[node].kill()
        self.processes[node].wait()

    def stop(self, node: int) -> None:
        """Stops a node in good order: leaders move to other nodes first."""
        child_processes.end([self.processes[node]], GRACE_SECONDS)

    def start(self, node: int, *, wait: bool = True) -> None:
        """Starts a node that was killed or stopped."""
        self.launch(node)
        if wait:
            self.wait()

    def pause(self, node: int) -> None:
        """Pauses a node (SIGSTOP); its connections stay open."""
        self.processes[node].send_signal(signal.SIGSTOP)

    def resume(self, node: int) -> None:
        """Lets a paused node go on."""
        self.processes[node].send_signal(signal.SIGCONT)

    def alive(self, node: int) -> bool:
        """Whether the node's process runs."""
        return node in self.processes and self.processes[node].poll() is None

    def directory(self, node: int) -> Path:
        """Where a node keeps its data, settings and log (`server.log`)."""
        return self.data / f"node-{node}"

    def format(self, node: int) -> None:
        """Writes the node's settings, and on first use prepares its data directory."""
        directory = self.directory(node)
        directory.mkdir(exist_ok=True)
        (directory / "server.properties").write_text(server_properties(node, self.ports, directory, self.login))
        if (directory / "data" / "meta.properties").is_file():
            return
        command = self.command(node, "kafka.tools.StorageTool", "format", "-t", self.identity, "-c")
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            last = (done.stdout + done.stderr).strip().splitlines()[-1:]
            raise UserError(
                f"{directory}: cannot be prepared for Kafka: {' '.join(last)}; remove it, or choose another --data"
            )

    def launch(self, node: int) -> None:
        """Starts the node's process."""
        assert not self.alive(node), f"node {node} is running"
        ports = self.ports[node - 1]
        for port in (ports.broker, ports.controller, ports.login):
            if port and not is_free(port):
                raise UserError(f"port {port} is in use: stop what listens there, or choose others with --port")
        with (self.directory(node) / "console.log").open("ab") as console:
            self.processes[node] = child_processes.start(
                self.command(node, BROKER), stdin=subprocess.DEVNULL, stdout=console, stderr=console
            )

    def command(self, node: int, program: str, *arguments: str) -> list[str]:
        """The command line of a Java program of Kafka; the node's settings file comes last."""
        directory = self.directory(node)
        return [
            self.java.path,
            *MEMORY,
            *self.class_sharing(node, program),
            f"-Dcrs.logs={directory}",
            f"-Dlog4j2.configurationFile={(RECIPE / 'log4j2.properties').as_uri()}",
            "-cp",
            f"{self.libs}/*",
            program,
            *arguments,
            str(directory / "server.properties"),
        ]

    def class_sharing(self, node: int, program: str) -> list[str]:
        """JVM options for an archive of Kafka's classes, which halves the start; the very first node writes it."""
        if self.classes.is_file():
            return [f"-XX:SharedArchiveFile={self.classes}", "-Xlog:cds=off", "-Xlog:cds+dynamic=off"]
        if node == 1 and program == BROKER:
            return [f"-XX:ArchiveClassesAtExit={self.data / self.classes.name}"]
        return []

    def keep_classes(self) -> None:
        """Moves the archive of classes, if one was written, to where the next cluster finds it."""
        with suppress(OSError):  # It only saves time.
            written = self.data / self.classes.name
            if written.is_file():
                unfinished = self.classes.with_suffix(f".{os.getpid()}")
                shutil.move(written, unfinished)
                unfinished.rename(self.classes)

    def wait(self, seconds: float = 90.0, stopping: threading.Event | None = None) -> None:
        """Waits until every running node has joined, or `stopping` is set. Raises UserError when a node ends."""
        until = time.monotonic() + seconds
        while (running := {node for node in self.nodes if self.alive(node)}) - answering(self.bootstrap_servers):
            if stopping is not None and stopping.is_set():
                return
            if time.monotonic() > until:
                raise UserError(f"Kafka did not start within {seconds:.0f} s; its log: {self.directory(min(running))}")
            time.sleep(0.2)
            self.fail_if_ended(running)

    def fail_if_ended(self, expected: set[int]) -> None:
        """Raises UserError with the last error of a node that should run and does not."""
        for node in sorted(expected):
            if not self.alive(node):
                log = self.directory(node) / "server.log"
                raise UserError(f"Kafka node {node} ended at once: {last_error(log)} (log: {log})")


def answering(bootstrap_servers: str, seconds: float = 1.0) -> set[int]:
    """The ids of the brokers in the cluster, as any of them reports; empty when none answers."""
    options: dict[str, Any] = {"log_level": 0, "error_cb": lambda error: None, "reconnect.backoff.max.ms": 200}
    client = AdminClient({"bootstrap.servers": bootstrap_servers, **options})
    try:
        return set(client.list_topics(timeout=seconds).brokers)
    except KafkaException:
        return set()


def last_error(log: Path) -> str:
    """The last line of a log with ERROR or FATAL."""
    lines = log.read_text(errors="replace").splitlines() if log.is_file() else []
    errors = [line for line in lines if " ERROR " in line or " FATAL " in line]
    return errors[-1][:300] if errors else "no reason given"
