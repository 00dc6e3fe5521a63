"""With the real Alertmanager: levels, ends, restarts of both, silences, and the dead-man alert."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.broker import Fresh
from tests.dispatch import dispatcher_process
from tests.dispatch.dispatcher_process import WatchWriter, alert, alert_id, config_text, dispatcher, with_heartbeats
from tests.dispatch.receiver import Receiver
from tests.dispatch.test_process import destination, free_port, until

pytestmark = pytest.mark.kafka

# No delays, and every incident is a group: the receiver gets a notification for each change.
CONFIG = """
route:
  receiver: probe
  group_by: ["..."]
  group_wait: 0s
  group_interval: 1s
  repeat_interval: 1h
receivers:
  - name: probe
    webhook_configs:
      - url: {url}/notified
        send_resolved: true
"""


@dataclass
class RunningAlertmanager:
    """A running Alertmanager, which can be stopped and started again with its data."""

    directory: Path
    port: int
    probe: Receiver
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        program = shutil.which("prometheus-alertmanager") or shutil.which("alertmanager")
        assert program, "Alertmanager is not installed (Debian: apt-get install prometheus-alertmanager)"
        config = self.directory / "alertmanager.yml"
        config.write_text(CONFIG.format(url=self.probe.url))
        with (self.directory / "alertmanager.log").open("ab") as log:
            command = [
                program,
                f"--config.file={config}",
                f"--storage.path={self.directory / 'data'}",
                f"--web.listen-address=127.0.0.1:{self.port}",
                "--cluster.listen-address=",
            ]
            self.processes.append(subprocess.Popen(command, stdout=log, stderr=log))
        until(self._ready)

    def _ready(self) -> bool:
        try:
            return httpx.get(f"{self.url}/-/ready", timeout=1).status_code == 200
        except httpx.HTTPError:
            return False

    def stop(self) -> None:
        self.processes[-1].terminate()
        self.processes[-1].wait(10)

    def open(self) -> dict[str, Any]:
        """The incidents that are active now, by key."""
        alerts = httpx.get(f"{self.url}/api/v2/alerts", timeout=5).json()
        return {one["labels"].get("incident", one["labels"]["alertname"]): one for one in alerts}

    def notified(self) -> list[str]:
        """The notifications in order: firing or resolved, and which incident."""
        sent = [one for post in self.probe.posts() for one in post["alerts"]]
        return [f"{one['status']} {one['labels']['incident']}" for one in sent if "incident" in one["labels"]]


@pytest.fixture
def alertmanager(tmp_path: Path, pager: Receiver) -> Iterator[RunningAlertmanager]:
    directory = tmp_path / "alertmanager"
    directory.mkdir()
    running = RunningAlertmanager(directory, free_port(), pager)
    running.start()
    try:
        yield running
    finally:
        for process in running.processes:
            process.kill()
            process.wait()


def config(tmp_path: Path, alertmanager: RunningAlertmanager, timing: str = "") -> Path:
    given = {"refresh_seconds": 0.5, "outlive_refreshes": 40, "poll_silences_seconds": 0.3}
    file = tmp_path / "dispatch.toml"
    text = destination("alertmanager", "alertmanager", **given) + f'urls = ["{alertmanager.url}"]\n'
    file.write_text(config_text(text, '[["alertmanager"]]', timing=timing))
    return file


def test_levels_follow_each_other_and_only_the_engine_ends_an_alert(
    kafka_settings: Fresh, alertmanager: RunningAlertmanager, tmp_path: Path
) -> None:
    settings = kafka_settings()
    watch = WatchWriter(settings)
    one = alert_id("p1", "A")
    with dispatcher(settings, config(tmp_path, alertmanager)):
        watch.alerts(alert("p1", "A", priority="medium"))
        until(lambda: alertmanager.notified() == [f"firing {one}"])
        watch.alerts(alert("p1", "A", 2, "updated", priority="medium"))  # only the text changes: no new notification
        time.sleep(1.5)
        watch.alerts(alert("p1", "A", 3, "updated", grade=3))
        until(lambda: f"firing {one}:g3" in alertmanager.notified() and f"resolved {one}" in alertmanager.notified())
        assert list(alertmanager.open()) == [f"{one}:g3"]
        assert alertmanager.open()[f"{one}:g3"]["labels"]["severity"] == "critical"
        watch.alerts(alert("p1", "A", 4, "updated", priority="medium", grade=2))  # eases: the same incident
        time.sleep(1.5)
        assert list(alertmanager.open()) == [f"{one}:g3"]
        watch.alerts(alert("p1", "A", 5, "resolved"))
        until(lambda: not alertmanager.open())
        until(lambda: f"resolved {one}:g3" in alertmanager.notified())
        time.sleep(1.5)  # several refreshes, which must not open it again
        assert alertmanager.open() == {}
    assert sorted(alertmanager.notified()) == sorted(
        [f"firing {one}", f"resolved {one}", f"firing {one}:g3", f"resolved {one}:g3"]
    )


def test_a_restart_of_either_notifies_nobody_and_ends_nothing(
    kafka_settings: Fresh, alertmanager: RunningAlertmanager, tmp_path: Path
) -> None:
    settings = kafka_settings()
    watch = WatchWriter(settings)
    keys = [alert_id(f"p{n}", "A") for n in range(3)]
    file = config(tmp_path, alertmanager)
    process = dispatcher_process.start(settings, file)
    try:
        watch.alerts(*(alert(f"p{n}", "A", priority="medium") for n in range(3)))
        until(lambda: len(alertmanager.notified()) == 3)
        dispatcher_process.stop(process, signal.SIGKILL)
        time.sleep(2)
        assert sorted(alertmanager.open()) == sorted(keys)
        process = dispatcher_process.start(settings, file)
        watch.alerts(alert("p0", "A", 2, "resolved"))
        until(lambda: sorted(alertmanager.open()) == sorted(keys[1:]))
        alertmanager.stop()
        watch.alerts(alert("p1", "A", 2, "resolved"), alert("p9", "A", priority="medium"))
        time.sleep(1)
        alertmanager.start()  # it has lost its alerts, and still has its notification log
        until(lambda: sorted(alertmanager.open()) == sorted([keys[2], alert_id("p9", "A")]))
        time.sleep(2)
    finally:
        dispatcher_process.stop(process)
    firing = [each for each in alertmanager.notified() if each.startswith("firing")]
    assert sorted(firing) == sorted(f"firing {key}" for key in [*keys, alert_id("p9", "A")])
    assert f"resolved {keys[2]}" not in alertmanager.notified()


def test_a_silence_of_one_alert_becomes_an_assessment(
    kafka_settings: Fresh, alertmanager: RunningAlertmanager, tmp_path: Path
) -> None:
    settings = kafka_settings()
    watch = WatchWriter(settings)
    with dispatcher(settings, config(tmp_path, alertmanager)):
        watch.alerts(alert("p1", "A", grade=3), alert("p2", "B"))
        until(lambda: len(alertmanager.open()) == 2)
        amtool(alertmanager, "20m", f"incident={alert_id('p1', 'A')}:g3")
        amtool(alertmanager, "4h", f"alert_id={alert_id('p2', 'B')}")
        amtool(alertmanager, "4h", "kind=escalation")  # about a kind: answers no alert
        written = {one["kind"]: one for one in dispatcher_process.assessments(settings, 2)}
        time.sleep(1)
        assert len(dispatcher_process.assessments(settings, 2)) == 2
    quiet = written["snooze"]
    asked = datetime.fromisoformat(quiet["until"]) - datetime.fromisoformat(quiet["effective_at"])
    assert 18 * 60 < asked.total_seconds() <= 20 * 60
    assert (quiet["patient_id"], quiet["alert_id"]) == ("p1", alert_id("p1", "A"))
    assert (written["acknowledge"]["patient_id"], written["acknowledge"]["by"]) == ("p2", "Dr. Gray")


def amtool(alertmanager: RunningAlertmanager, duration: str, matcher: str) -> None:
    command = [
        "amtool",
        f"--alertmanager.url={alertmanager.url}",
        "silence",
        "add",
        "--author=Dr. Gray",
        "--comment=seen",
    ]
    subprocess.run([*command, f"--duration={duration}", matcher], check=True, capture_output=True, timeout=20)


def test_the_dead_man_alert_is_active_while_the_whole_path_works_and_ends_with_it(
    kafka_settings: Fresh, alertmanager: RunningAlertmanager, tmp_path: Path
) -> None:
    settings = kafka_settings(partitions=2)
    watch = WatchWriter(settings)
    with dispatcher(settings, config(tmp_path, alertmanager, "heartbeat_within_seconds = 3\n")):
        until(with_heartbeats(watch.heartbeats, lambda: "CrsMonitorAlive" in alertmanager.open()))
        for _ in range(12):  # partition 1 has no heartbeat any more
            watch.heartbeat(0)
            time.sleep(0.5)
        until(lambda: "CrsMonitorAlive" not in alertmanager.open())
        (trouble,) = alertmanager.open().values()
        assert trouble["labels"]["kind"] == "dispatch"
        assert "partition 1" in json.dumps(trouble["annotations"])
        until(with_heartbeats(watch.heartbeats, lambda: list(alertmanager.open()) == ["CrsMonitorAlive"]))
