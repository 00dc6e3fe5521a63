"""`crs-monitor board` as a process with a broker: states, answers, warnings, and no patient in logs or addresses."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest

from agents.board.launch import Launched, launched
from agents.brokers.embedded import EmbeddedKafka
from agents.platform.settings import Settings
from schemas import topics
from tests.board.judged_ward import published
from tests.board.running_board import NAME, STORY
from tests.broker import Fresh
from tests.dispatch.dispatcher_process import WatchWriter, assessments

SECRETS = (NAME, "Nurse Okafor", "norepinephrine", "38.6")


class Scene(NamedTuple):
    """A broker, a writer of the workers' messages, and a board with its log."""

    broker: EmbeddedKafka
    settings: Settings
    watch: WatchWriter
    board: Launched
    log: Path


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """States and alerts were written before the board started, so it must read them back."""
    log = tmp_path_factory.mktemp("board") / "log"
    with EmbeddedKafka(partitions=2) as broker:
        settings = broker.settings()
        watch = WatchWriter(settings)
        send(settings, watch)
        with log.open("wb") as file, launched(settings, log=file) as board:
            yield Scene(broker, settings, watch, board, log)


def send(settings: Settings, watch: WatchWriter) -> None:
    """Alerts and states of a patient as the watch would write them, ending now."""
    messages = published([one | {"patient_id": NAME} for one in STORY])
    for message in messages:
        if message.kind == "state":
            topic, state = topics.PATIENT_STATE, message.state.model_copy(update={"as_of": datetime.now(UTC)})
            value, headers = state.model_dump_json().encode(), None
        else:
            topic, value, headers = topics.ALERTS, message.value, list(message.headers.items())
        watch.producer.produce(settings.topic(topic), value, NAME.encode(), headers=headers)
    assert watch.producer.flush(20) == 0


@contextmanager
def browser(board: Launched) -> Iterator[httpx.Client]:
    """An HTTP client that has entered the token."""
    with httpx.Client(base_url=board.url, headers={"Origin": board.url.rstrip("/")}, timeout=15) as client:
        assert client.post("/enter", data={"token": board.token}).status_code == 303
        yield client


def events(client: httpx.Client) -> Iterator[tuple[str, Any]]:
    """The events of the stream, each with its kind."""
    with client.stream("GET", "/live") as stream:
        kind = ""
        for line in stream.iter_lines():
            if line.startswith("event: "):
                kind = line.removeprefix("event: ")
            elif line.startswith("data: "):
                yield kind, json.loads(line.removeprefix("data: "))


def until(client: httpx.Client, holds: Callable[[Any], Any], seconds: float = 20) -> Any:
    """The first card of a patient for which `holds` is true."""
    last = time.monotonic() + seconds
    for kind, data in events(client):
        for picture in data if kind != "pulse" else ():
            if holds(picture):
                return picture
        assert time.monotonic() < last, f"not within {seconds} s"
    raise AssertionError("the stream ended")


def ready(scene: Scene) -> httpx.Response:
    return httpx.get(f"{scene.board.url}readyz")


def test_a_board_that_starts_late_shows_the_ward_with_the_messages_of_its_alerts(scene: Scene) -> None:
    with browser(scene.board) as client:
        shown = until(client, lambda one: one["alerts"] and all(alert["message"] for alert in one["alerts"]))
    assert (shown["grade"], shown["unit"], shown["bed"]) == (2, "4B", "12")
    assert {alert["kind"] for alert in shown["alerts"]} >= {"onset", "escalation", "dose_indicated"}
    assert all(alert["source"] and alert["evidence"] for alert in shown["alerts"])


def test_it_is_ready_after_the_first_heartbeats(scene: Scene) -> None:
    """Soon after the start; later it would warn how long there has been none."""
    assert ready(scene).text == "Waiting for the first sign of life of the judgement …\n"
    assert httpx.get(f"{scene.board.url}healthz").text == "ok\n"
    scene.watch.heartbeats()
    last = time.monotonic() + 10
    while ready(scene).status_code != 200:
        assert time.monotonic() < last, ready(scene).text
        time.sleep(0.1)


@pytest.mark.kafka
def test_on_a_real_kafka_too(kafka_settings: Fresh, tmp_path: Path) -> None:
    settings = kafka_settings()
    watch = WatchWriter(settings)
    send(settings, watch)
    with (tmp_path / "log").open("wb") as log, launched(settings, log=log) as board, browser(board) as client:
        until(client, lambda one: one["alerts"] and all(alert["message"] for alert in one["alerts"]))
        watch.heartbeats()
        seeing = (
            data for kind, data in events(client) if kind == "pulse" and not data["words"] and not data["waiting"]
        )
        assert next(seeing)["blind"] == []


def test_a_click_reaches_the_assessments_topic(scene: Scene) -> None:
    with browser(scene.board) as client:
        key = until(client, lambda one: one["alerts"])["alerts"][0]["key"]
        click = {"alert": key, "act": "acknowledge", "by": "Nurse Okafor", "click": "a-click-of-tests"}
        assert client.post("/answers", json=click).status_code == 202
    (data,) = assessments(scene.settings)
    assert (data["kind"], data["patient_id"], data["alert_id"], data["by"]) == (
        "acknowledge",
        NAME,
        key,
        "Nurse Okafor",
    )


@contextmanager
def broker_gone(scene: Scene) -> Iterator[None]:
    """The broker is down; it is there again for the next test, also when this one fails."""
    scene.broker.down()
    try:
        yield
    finally:
        scene.broker.up()


@pytest.mark.slow
def test_it_warns_when_the_broker_is_gone_and_recovers_when_it_is_back(scene: Scene) -> None:
    scene.watch.heartbeats()
    with browser(scene.board) as client:
        with broker_gone(scene):
            # One partition goes blind a moment before the other.
            assert any(kind == "pulse" and data["words"] and data["blind"] == [0, 1] for kind, data in events(client))
        for kind, data in events(client):
            if kind == "pulse" and not data["words"]:
                break
            scene.watch.heartbeats()


def test_neither_its_log_nor_its_addresses_name_a_patient_a_person_a_drug_or_a_value(scene: Scene) -> None:
    with browser(scene.board) as client:
        key = until(client, lambda one: one["alerts"])["alerts"][0]["key"]
        click = {"alert": key, "act": "acknowledge", "by": "Nurse Okafor", "click": "another-click-of-tests"}
        assert client.post("/answers", json=click).status_code == 202
        assert client.get(f"/patients/{NAME}").status_code == 404
        assert client.post("/answers", json={"alert": NAME}).status_code == 400
    data = scene.log.read_text()
    assert "answer act=acknowledge outcome=written" in data
    assert all(secret not in data for secret in (*SECRETS, scene.board.token))
    assert "Traceback" not in data


def test_it_stops_cleanly_while_a_page_is_open(scene: Scene) -> None:
    with launched(scene.settings) as board, browser(board) as client:
        looking = events(client)
        next(looking)
        board.process.terminate()
        assert list(looking) is not None
        assert board.process.wait(10) == 0


def run(*options: str, servers: str = "127.0.0.1:9", **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "agents.cli.main", "board", "--bootstrap-servers", servers, *options]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)


def test_a_token_is_generated_and_printed_only_on_loopback(scene: Scene) -> None:
    command = [sys.executable, "-m", "agents.cli.main", "board", "--port", "0"]
    process = subprocess.Popen(
        [*command, "--bootstrap-servers", scene.settings.bootstrap_servers],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    url = process.stdout.readline().strip().removeprefix("board: ")
    token = process.stdout.readline().strip().removeprefix("token: ")
    try:
        with browser(Launched(url, token, process)) as client:
            assert client.get("/").status_code == 200
    finally:
        process.terminate()
        out, err = process.communicate(timeout=15)
    assert process.returncode == 0
    assert token not in out + err


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ((), "no broker answers"),
        (("--host", "0.0.0.0"), "would send patients in the clear"),
        (("--behind-proxy", "board.example"), "such as https://board.example"),
        (("--certificate", "cert.pem"), "certificate and key go together"),
    ],
    ids=lambda given: " ".join(given) if isinstance(given, tuple) else given,
)
def test_each_user_error_is_one_line(options: tuple[str, ...], words: str) -> None:
    done = run(*options)
    assert done.returncode == 2
    assert words in done.stderr
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""


def test_missing_topics_and_a_port_in_use_are_one_line(scene: Scene) -> None:
    servers = scene.settings.bootstrap_servers
    missing = run("--topic-prefix", "nowhere.", servers=servers)
    assert (missing.returncode, missing.stderr.count("\n")) == (2, 1)
    assert "topic nowhere.patient-state is missing; `crs-monitor topics` creates what is missing" in missing.stderr
    for topic in (topics.PATIENT_STATE, topics.ALERTS, topics.ASSESSMENTS):
        scene.broker.topic(topic.full_name("before-0.2."), 2)
    without_heartbeats = run("--topic-prefix", "before-0.2.", servers=servers)
    assert without_heartbeats.returncode == 2
    assert "topic before-0.2.heartbeats is missing" in without_heartbeats.stderr
    scene.broker.topic("before-0.2.heartbeats", 1)
    too_few = run("--topic-prefix", "before-0.2.", servers=servers)
    assert too_few.returncode == 2
    assert "before-0.2.patient-state has 2 partitions, before-0.2.heartbeats has 1" in too_few.stderr
    port = scene.board.url.rstrip("/").rpartition(":")[2]
    taken = run("--port", port, servers=servers)
    assert taken.returncode == 2
    assert "choose another with --port" in taken.stderr
    assert "Traceback" not in taken.stderr
