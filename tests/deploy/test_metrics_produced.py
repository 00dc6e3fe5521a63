"""Every metric, label and label value that a rule or a dashboard asks for is produced by a run of the real code.

A declared metric that nothing counts would keep its alert silent for ever. So a system runs with faults: a worker with
a planted bug and a long pause, a destination that refuses pages, and an unreadable message for the history. What takes
hours in a system (a lost signal, a log cut by retention) is run on a watch without brokers.
"""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
import threading
import time
from base64 import b64encode
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any, NamedTuple

import pytest
from confluent_kafka import Producer
from prometheus_client import REGISTRY

from agents.platform.fail_stop import FENCED
from schemas import log_format, topics
from tests.deploy.metric_uses import Use, parsed, uses
from tests.deploy.system import System, running
from tests.deploy.tools import ROOT
from tests.history.server import postgresql
from tests.waiting import wait_until
from tests.worker.intake_setup import Ward
from tests.worker.records import event, tick, vitals
from tests.worker.watch_setup import Setup

USES = uses()
COUNTED = ("_total", "_count", "_bucket")  # these must have counted something
FAULTS_SHOW = (
    "sum(crs_defects_total) > 0",
    "sum(crs_fences_total) > 0",
    'sum(crs_pages_total{outcome="refused"}) > 0',
    'sum(crs_history_messages_total{disposition="unreadable"}) > 0',
)


class Sample(NamedTuple):
    """The largest value that a series had."""

    labels: dict[str, str]
    value: float


class Refusing(BaseHTTPRequestHandler):
    """A receiver of pages that refuses every one."""

    def do_POST(self) -> None:
        self.send_response(400)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Prints nothing."""


class FaultySystem(System):
    """A system whose worker has a planted bug, and which also pages a receiver that refuses."""

    refusing_port = 0

    def ours(self, name: str, *arguments: str, port: bool = True) -> Any:
        if name != "worker":
            return super().ours(name, *arguments, port=port)
        command = [sys.executable, "-m", "tests.deploy.faulty_worker", "--config", str(self.folder / "crs.toml")]
        return self.run(name, [*command, "--metrics-port", str(self.ports[name])])

    def write_configuration(self) -> None:
        super().write_configuration()
        path = self.folder / "crs.toml"
        text = path.read_text(encoding="utf-8").replace('"alertmanager"]]', '"alertmanager", "refusing"]]')
        url = f"http://127.0.0.1:{self.refusing_port}/"
        text += f'[dispatch.destinations.refusing]\nkind = "webhook"\nurl = "{url}"\n'
        path.write_text(text + 'secrets = [{ env = "CRS_REFUSING_SECRET" }]\n', encoding="utf-8")

    def suffer(self) -> None:
        """A bug, an unreadable message, and a pause of the worker, which ends itself and is started again."""
        producer = Producer(self.connection())
        at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        reading = (
            f'{{"event_id": "1", "patient_id": "planted-1", "effective_at": "{at}", "spo2_percent": 97, "lamp": 1}}'
        )
        producer.produce(self.settings.topic(topics.VITALS), reading, b"planted-1")
        producer.produce(self.settings.topic(topics.PATIENT_STATE), b"{", b"unreadable")
        assert producer.flush(60) == 0
        self.until(lambda: bool(self.query(FAULTS_SHOW[0])), "the planted bug is not counted")
        worker = self.processes["worker"]
        os.kill(worker.pid, signal.SIGSTOP)
        time.sleep(self.settings.session_timeout_seconds / 2 + 2)  # the pause itself
        os.kill(worker.pid, signal.SIGCONT)
        assert worker.wait(60) == FENCED
        self.ours("worker")
        for expression in FAULTS_SHOW:
            self.until(lambda shown=expression: bool(self.query(shown)), f"{expression} is not so", 120)  # type: ignore[misc]


@pytest.fixture(scope="module")
def faulty_system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    with pytest.MonkeyPatch.context() as environment, postgresql() as server, HTTPServer(("", 0), Refusing) as refusing:
        threading.Thread(target=refusing.serve_forever, daemon=True).start()
        environment.setattr(FaultySystem, "refusing_port", refusing.server_port)
        environment.setenv("CRS_REFERENCE_SECRET", "only-for-this-test-run")
        environment.setenv("CRS_REFUSING_SECRET", b64encode(b"only-for-this-test-run-at-all").decode())
        environment.setenv("PYTHONPATH", str(ROOT))
        folder = tmp_path_factory.mktemp("faulty")
        with running(folder, server.new_database("faulty"), FaultySystem) as system:
            assert isinstance(system, FaultySystem)
            system.suffer()
            yield system
        refusing.shutdown()


@pytest.fixture(scope="module")
def slow_faults() -> dict[str, list[Sample]]:
    """What watch and intake count without brokers: a signal is lost and comes back, the log is cut, a feed waits."""

    async def story() -> None:
        setup = Setup()
        await setup.take(vitals(0, temperature_celsius=38.4, lamp="on"), event(1, "patient", unit="Haematology"))
        await setup.take(tick(2, at=3600))
        shown.update(registry())
        await setup.take(vitals(3, at=3601))
        cut = Setup(rows=setup.rows, log_begins_at=90)
        await cut.take(tick(90, at=3602))
        with pytest.MonkeyPatch.context() as planted:
            planted.setitem(log_format.SINCE, "note", 2)
            await Ward().take(0, "note")

    shown: dict[str, list[Sample]] = {}
    asyncio.run(story())
    for name, samples in registry().items():
        shown.setdefault(name, []).extend(samples)
    return shown


def registry() -> dict[str, list[Sample]]:
    """The samples of this process."""
    found: dict[str, list[Sample]] = {}
    for family in REGISTRY.collect():
        for sample in family.samples:
            found.setdefault(sample.name, []).append(Sample(sample.labels, sample.value))
    return found


def produced(system: System, slow: dict[str, list[Sample]], metric: str) -> list[Sample]:
    """All series of a metric, as Prometheus has scraped them, and those of the slow faults."""
    scraped = system.query(f"max_over_time({metric}[1h])")
    return [Sample(one["metric"], float(one["value"][1])) for one in scraped] + slow.get(metric, [])


def lacks(use: Use, samples: list[Sample]) -> str | None:
    """What no sample shows of a use; None: one shows all of it."""
    fitting = [
        sample
        for sample in samples
        if all(re.fullmatch(value, sample.labels.get(label, "")) for label, value in use.matchers.items())
    ]
    if not fitting:
        return f"nothing produces {use.metric} with {use.matchers}"
    if use.metric.endswith(COUNTED) and use.metric.startswith("crs_"):
        fitting = [sample for sample in fitting if sample.value > 0]
        if not fitting:
            return f"nothing counts {use.metric} with {use.matchers}"
    missing = use.labels - set().union(*(sample.labels.keys() for sample in fitting))
    return f"{use.metric} has no label {', '.join(sorted(missing))}" if missing else None


@pytest.mark.parametrize("metric", sorted({use.metric for use in USES}))
def test_a_metric_of_a_rule_or_dashboard_is_produced_with_its_labels(
    faulty_system: System, slow_faults: dict[str, list[Sample]], metric: str
) -> None:
    def wrong() -> list[str]:
        samples = produced(faulty_system, slow_faults, metric)
        found = [(use.where, lacks(use, samples)) for use in USES if use.metric == metric]
        return [f"{where}: {why}" for where, why in found if why is not None]

    try:
        wait_until(lambda: not wrong(), f"{metric} is produced", 60)
    except AssertionError:
        pytest.fail("\n".join(wrong()))


def test_the_uses_are_found_with_their_labels_and_values() -> None:
    """The parser of this test, on an expression with everything in it."""
    expression = 'sum by (topic, reason) (rate(crs_a_total{x="1.5", y!="2"}[5m])) / max by (le) (crs_b{z=~"c|d"}) > 0'
    first, second = parsed("here", expression, {"topic"})
    assert (first.metric, first.labels, first.matchers) == (
        "crs_a_total",
        {"topic", "reason", "x", "y"},
        {"x": r"1\.5"},
    )
    assert (second.metric, second.labels, second.matchers) == ("crs_b", {"topic", "le", "z"}, {"z": "c|d"})


def test_a_metric_that_is_never_counted_is_a_fault() -> None:
    use = Use("CrsDefect", "crs_defects_total", {"place"})
    assert lacks(use, []) == "nothing produces crs_defects_total with {}"
    assert lacks(use, [Sample({"place": "x"}, 0.0)]) == "nothing counts crs_defects_total with {}"
    assert lacks(use, [Sample({"topic": "x"}, 1.0)]) == "crs_defects_total has no label place"
    assert lacks(use, [Sample({"place": "x"}, 1.0)]) is None
