"""The whole path: from the bedside through log, worker and dispatch to a pager, and the acknowledgement back."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from confluent_kafka import Producer

from agents.platform.settings import Settings
from schemas import topics
from schemas.topics import TopicSpec
from tests.broker import Fresh
from tests.dispatch import dispatcher_process
from tests.dispatch.dispatcher_process import config_text
from tests.dispatch.receiver import Receiver
from tests.dispatch.test_process import callbacks, free_port, until, webhook, written

pytestmark = pytest.mark.kafka

PATIENT = "mrn-canary-5520"


class Bedside:
    """Writes to the feeds as a hospital does."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.producer = Producer(settings.librdkafka() | {"acks": "all", "linger.ms": 0})
        self.number = 0

    def write(self, topic: TopicSpec, **fields: Any) -> None:
        """Writes one event with the current time."""
        self.number += 1
        event = {"event_id": f"e{self.number}", "patient_id": PATIENT, "effective_at": datetime.now(UTC).isoformat()}
        self.producer.produce(self.settings.topic(topic), json.dumps(event | fields).encode(), PATIENT.encode())
        assert self.producer.flush(20) == 0


def worker(settings: Settings, directory: Path) -> subprocess.Popen[bytes]:
    """A running `crs-monitor worker`."""
    environment = os.environ | {
        "KAFKA_BOOTSTRAP_SERVERS": settings.bootstrap_servers,
        "CRS_TOPIC_PREFIX": settings.topic_prefix,
        "CRS_PARTITIONS": str(settings.partitions),
        "CRS_DATA_DIR": str(directory / "data"),
        "CRS_SESSION_TIMEOUT_SECONDS": "6",
    }
    with (directory / "worker.log").open("ab") as log:
        command = [sys.executable, "-m", "agents.cli.main", "worker"]
        return subprocess.Popen(command, env=environment, stdout=log, stderr=log)


def messages(pager: Receiver) -> list[tuple[str, str, str]]:
    """The messages that the pager accepted, each once: kind, act, priority."""
    unique_messages = {one.headers["webhook-id"]: one.json for one in list(pager.taken)}
    return [
        (post["data"]["kind"], post["type"].removeprefix("crs.alert."), post["data"]["priority"])
        for post in unique_messages.values()
    ]


def test_from_the_bedside_to_the_pager_and_back(kafka_settings: Fresh, pager: Receiver, tmp_path: Path) -> None:
    settings = kafka_settings()
    port, metrics = free_port(), free_port()
    link = f"http://127.0.0.1:{port}/alert/{{alert_id}}/{{token}}"
    text = config_text(webhook("pager", pager.url), '[["pager"]]', callbacks(port))
    file = written(tmp_path, re.sub(r"(?m)^link = .*$", f'link = "{link}"', text))
    bedside = Bedside(settings)
    judging = worker(settings, tmp_path)
    paging = dispatcher_process.start(settings, file, "--metrics-port", str(metrics))
    try:
        hours_ago = (datetime.now(UTC) - timedelta(hours=8)).isoformat()
        bedside.write(topics.PATIENTS, status="admitted", unit="7A", bed="12", weight_kg=80, infused_at=hours_ago)
        until(lambda: dispatcher_process.read_all(settings, settings.topic(topics.PATIENT_STATE)), 90)
        bedside.write(topics.VITALS, source="charted", temperature_celsius=38.47)
        until(lambda: ("onset", "open", "low") in messages(pager), 90)
        bedside.write(topics.VITALS, source="charted", systolic_mmhg=83.6)
        until(lambda: ("escalation", "open", "medium") in messages(pager))
        dispatcher_process.stop(paging, signal.SIGKILL)
        bedside.write(topics.MEDICATIONS, drug="norepinephrine", action="started", rate=30, rate_unit="mcg/min")
        paging = dispatcher_process.start(settings, file, "--metrics-port", str(metrics))
        until(lambda: ("escalation", "open", "high") in messages(pager), 90)
        dispatcher_process.stop(judging, signal.SIGKILL)
        judging = worker(settings, tmp_path)
        page = next(post["data"] for post in pager.posts() if post["data"]["priority"] == "high")
        assert (page["unit"], page["bed"]) == ("7A", "12")
        assert "I have seen it" in httpx.get(page["link"]).text
        assert httpx.post(page["link"], data={"by": "Nurse Joy"}).status_code == 202
        until(lambda: (page["kind"], "acknowledge", "high") in messages(pager), 90)
        until(lambda: heartbeats_received(metrics, settings.partitions), 90)
        before = messages(pager)
        time.sleep(2)
        assert messages(pager) == before
    finally:
        for process in (paging, judging):
            dispatcher_process.stop(process)
    versions, over = on_topic(settings)
    assert {post["data"]["alert_id"] for post in unique(pager) if post["type"] == "crs.alert.open"} == set(versions)
    assert {post["data"]["alert_id"] for post in unique(pager) if post["type"] == "crs.alert.close"} == over
    # Every message is about a version that the engine has published.
    assert all(post["data"]["version"] in versions[post["data"]["alert_id"]] for post in unique(pager))
    # A worse version has an incident of its own; none is opened twice.
    opened = [post["data"]["incident"] for post in unique(pager) if post["type"] == "crs.alert.open"]
    assert len(opened) == len(set(opened))
    logs = (tmp_path / "log").read_text() + (tmp_path / "worker.log").read_text()
    pages = " ".join(f"{one.path} {one.headers} {one.body.decode()}" for one in pager.taken)
    for canary in (PATIENT, "norepinephrine", "38.47", "38.5", "83.6"):
        assert canary not in logs
        assert canary not in pages


def on_topic(settings: Settings) -> tuple[dict[str, set[int]], set[str]]:
    """The published versions of each alert, and which alerts are over."""
    versions: dict[str, set[int]] = {}
    over = set()
    for key, value in dispatcher_process.read_all(settings, settings.topic(topics.ALERTS)):
        if key is not None and value is not None:
            alert = json.loads(value)
            versions.setdefault(alert["alert_id"], set()).add(alert["version"])
            if alert["status"] in ("resolved", "retracted"):
                over.add(alert["alert_id"])
    return versions, over


def heartbeats_received(metrics: int, partitions: int) -> bool:
    """Whether a heartbeat of every partition was received."""
    shown = httpx.get(f"http://127.0.0.1:{metrics}/metrics").text
    return all(f'crs_heartbeat_timestamp_seconds{{partition="{p}"}}' in shown for p in range(partitions))


def unique(pager: Receiver) -> list[Any]:
    """Each message once."""
    return list({one.headers["webhook-id"]: one.json for one in pager.taken}.values())
