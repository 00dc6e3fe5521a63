"""The whole system on this machine: broker, worker, dispatch, history, Prometheus, Alertmanager."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import yaml

from agents.brokers.embedded import EmbeddedKafka
from agents.platform import child_processes
from agents.platform.settings import Settings
from tests.deploy.feed_simulator import SIMULATE, FeedSimulator
from tests.deploy.tools import DEPLOY, json_from, tool

# Scraped four times a second, so that rates over a few seconds mean something.
SCRAPE = "250ms"


class System:
    """The processes of a system. `ports`: where each serves its metrics; `logs`: where each writes."""

    def __init__(self, settings: Settings, folder: Path, database_url: str) -> None:
        self.settings, self.folder, self.database_url = settings, folder, database_url
        names = ("worker", "dispatch", "history", "board", "prometheus", "alertmanager")
        self.ports = dict(zip(names, free_ports(len(names)), strict=True))
        self.logs: dict[str, Path] = {}
        self.processes: dict[str, subprocess.Popen[Any]] = {}
        self.feeds: FeedSimulator | None = None

    def start(self) -> None:
        """Starts every process, in the order in which each needs the others."""
        self.write_configuration()
        self.alertmanager()
        self.ours("worker")
        self.ours("history", "--migrate", "--database-url", self.database_url)
        self.ours("dispatch")
        self.ours("board", "--port", "0")
        self.prometheus()
        self.wait_for("prometheus", "/-/ready")
        self.wait_for("worker", "/readyz")

    def ours(self, name: str, *arguments: str, port: bool = True) -> subprocess.Popen[Any]:
        """One of our own processes."""
        more = ["--metrics-port", str(self.ports[name])] if port else []
        command = [sys.executable, "-m", "agents.cli.main", name, "--config", str(self.folder / "crs.toml"), *more]
        return self.run(name, [*command, *arguments])

    def run(self, name: str, command: list[str]) -> subprocess.Popen[Any]:
        self.logs[name] = self.folder / f"{name}.log"
        with self.logs[name].open("ab") as log:
            self.processes[name] = child_processes.start(command, stdout=log, stderr=log, cwd=self.folder)
        return self.processes[name]

    def write_configuration(self) -> None:
        """Writes the settings, with a real Alertmanager and a console as destinations, and those of Prometheus."""
        settings = self.settings
        (self.folder / "crs.toml").write_text(
            f'bootstrap_servers = "{settings.bootstrap_servers}"\ntopic_prefix = "{settings.topic_prefix}"\n'
            f"partitions = {settings.partitions}\nfetch_wait_ms = 10\nstate_seconds = 1\n"
            f'data_dir = "{self.folder}"\n'
            "[dispatch]\n"
            'reference_secret = { env = "CRS_REFERENCE_SECRET" }\n'
            'default = [["pager", "alertmanager"]]\n'
            "[dispatch.destinations.pager]\n"
            'kind = "console"\n'
            "[dispatch.destinations.alertmanager]\n"
            'kind = "alertmanager"\n'
            f'urls = ["http://127.0.0.1:{self.ports["alertmanager"]}"]\n'
            "refresh_seconds = 5\n",
            encoding="utf-8",
        )
        shipped = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text(encoding="utf-8"))
        shipped["global"] |= {"scrape_interval": SCRAPE, "scrape_timeout": SCRAPE, "evaluation_interval": "1s"}
        shipped["rule_files"] = [str(DEPLOY / "prometheus" / "rules" / "*.yml")]
        for job in shipped["scrape_configs"]:
            name = job["job_name"].removeprefix("crs-")
            job["static_configs"] = [{"targets": [f"127.0.0.1:{self.ports[name]}"]}]
        shipped["alerting"]["alertmanagers"] = [
            {"static_configs": [{"targets": [f"127.0.0.1:{self.ports['alertmanager']}"]}]}
        ]
        (self.folder / "prometheus.yml").write_text(yaml.safe_dump(shipped), encoding="utf-8")

    def prometheus(self) -> None:
        listen = f"--web.listen-address=127.0.0.1:{self.ports['prometheus']}"
        files = [f"--config.file={self.folder}/prometheus.yml", f"--storage.tsdb.path={self.folder}/tsdb"]
        self.run("prometheus", [tool("prometheus"), listen, *files])

    def alertmanager(self) -> None:
        listen = [f"--web.listen-address=127.0.0.1:{self.ports['alertmanager']}", "--cluster.listen-address="]
        files = [
            f"--config.file={DEPLOY}/alertmanager/alertmanager.yml",
            f"--storage.path={self.folder}/alertmanager",
        ]
        self.run("alertmanager", [tool("prometheus-alertmanager"), *listen, *files])

    def get(self, name: str, path: str, **parameters: str) -> Any:
        """JSON out of Prometheus or Alertmanager."""
        return json_from(f"http://127.0.0.1:{self.ports[name]}{path}", **parameters)

    def query(self, expression: str) -> list[Any]:
        """The samples that a PromQL expression gives now."""
        found = self.get("prometheus", "/api/v1/query", query=expression)
        assert found["status"] == "success"
        return list(found["data"]["result"])

    def wait_for(self, name: str, path: str, seconds: float = 60) -> None:
        def answers() -> bool:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.ports[name]}{path}", timeout=2) as answer:
                    return bool(answer.status == 200)
            except OSError:
                return False

        self.until(answers, f"{name} did not become ready", seconds)

    def until(self, true: Callable[[], bool], otherwise: str, seconds: float = 60) -> None:
        """Waits until `true()`; the AssertionError after `seconds` shows the end of every log."""
        deadline = time.monotonic() + seconds
        while not true():
            ended = [name for name, process in self.processes.items() if process.poll() not in (None, 0)]
            assert not ended, f"{ended[0]} ended:\n{self.end_of_log(ended[0])}"
            assert time.monotonic() < deadline, f"{otherwise}:\n" + "\n".join(map(self.end_of_log, self.logs))
            time.sleep(0.2)

    def end_of_log(self, name: str) -> str:
        return f"--- {name}\n{self.logs[name].read_text(errors='replace')[-3000:]}"

    def connection(self) -> dict[str, Any]:
        connection = self.settings.librdkafka()
        connection.pop("partitioner")
        return connection


def free_ports(number: int) -> list[int]:
    """Free ports; all are bound at the same time, so that they differ."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(number)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [int(each.getsockname()[1]) for each in sockets]


def ill_enough(system: System) -> bool:
    """Whether every grade is there, alerts were acknowledged, and rates have a minute of samples."""
    grades = {sample["metric"]["grade"] for sample in system.query("sum by (grade) (crs_patients) > 0")}
    answered = system.query("sum(crs_acknowledge_seconds_count) > 10")
    watched = system.query("count_over_time(crs_ready[60s]) > 60")
    return {"1", "2", "3", "4"} <= grades and bool(answered) and bool(watched)


@contextmanager
def running(folder: Path, database_url: str, make: type[System] = System) -> Iterator[System]:
    """A running system in which simulated patients have fallen ill. `make`: its class."""
    with EmbeddedKafka(partitions=4, topic_prefix="crs.") as broker:
        system = make(broker.settings(), folder, database_url)
        try:
            system.start()
            ward = system.ours("simulate", *SIMULATE, port=False)
            system.feeds = FeedSimulator(system.settings, system.connection(), ward)
            system.feeds.start()
            system.until(lambda: ill_enough(system), "nobody fell ill", seconds=180)
            yield system
        finally:
            if system.feeds is not None:
                system.feeds.end()
            child_processes.end(list(reversed(system.processes.values())))
