"""The dispatch process as a whole: fallbacks, acknowledgements, rebalances, missing heartbeats, privacy."""

from __future__ import annotations

import hmac
import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import pytest

from agents.brokers.embedded import EmbeddedKafka
from agents.platform.fail_stop import FENCED
from agents.platform.settings import Settings
from tests.broker import Fresh
from tests.dispatch import dispatcher_process
from tests.dispatch.dispatcher_process import (
    WatchWriter,
    WatchWriter01,
    alert,
    alert_id,
    config_text,
    dispatcher,
    with_heartbeats,
)
from tests.dispatch.receiver import Receiver
from tests.waiting import wait_until

pytestmark = pytest.mark.kafka


def destination(name: str, kind: str, **given: Any) -> str:
    lines = "".join(
        f"{key} = {json.dumps(value) if isinstance(value, str) else value}\n" for key, value in given.items()
    )
    return f'[dispatch.destinations.{name}]\nkind = "{kind}"\n{lines}'


def webhook(name: str, url: str, **given: Any) -> str:
    keys = {"secrets": '[{ env = "CRS_TEST_SIGNING" }]', "timeout_seconds": 1, "flood_pages": 0} | given
    lines = "".join(f"{key} = {value}\n" for key, value in keys.items())
    return f'[dispatch.destinations.{name}]\nkind = "webhook"\nurl = "{url}/{name}"\n{lines}'


def pagerduty(name: str, url: str) -> str:
    return destination(name, "pagerduty", url=url) + 'routing_key = { env = "CRS_TEST_ROUTING_KEY" }\n'


def callbacks(port: int) -> str:
    return (
        f'[dispatch.callbacks]\nport = {port}\ntoken = {{ env = "CRS_TEST_TOKEN" }}\n'
        'pagerduty_secrets = [{ env = "CRS_TEST_HOOK_SECRET" }]\n'
    )


def written(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "dispatch.toml"
    file.write_text(text)
    return file


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def until(holds: Callable[[], Any], seconds: float = 60.0) -> Any:
    """Waits until the result is true, and returns it."""
    last = time.monotonic() + seconds
    while True:
        found = holds()
        if found:
            return found
        assert time.monotonic() < last, f"still not after {seconds} s"
        time.sleep(0.05)


def opened(pager: Receiver) -> list[str]:
    """Alerts that were opened at a webhook, each message once, in order."""
    ids = {received.headers["webhook-id"]: received.json for received in pager.taken}
    return [message["data"]["alert_id"] for message in ids.values() if message["type"] == "crs.alert.open"]


@pytest.mark.parametrize(("mode", "alarm_text"), [("400", "pager refuses pages"), ("410", "pager is gone for good")])
def test_a_rejected_page_reaches_the_fallback_with_a_technical_alarm(
    mode: str, alarm_text: str, kafka_settings: Fresh, pager: Receiver, other: Receiver, tmp_path: Path
) -> None:
    settings = kafka_settings()
    pager.mode = mode
    destinations = webhook("pager", pager.url, second='"desk"') + webhook("desk", other.url)
    with dispatcher(settings, written(tmp_path, config_text(destinations, '[["pager"]]'))):
        watch = WatchWriter(settings)
        watch.alerts(alert("p1", "A"))
        other.wait(2)
        watch.alerts(alert("p1", "A", 2, "resolved"))
        other.wait(3)
        tried = pager.tried
        watch.alerts(alert("p2", "B"))
        other.wait(4)
    sent = {received.json["data"]["alert_id"]: received.json["data"] for received in other.taken[:2]}
    (alarm,) = (data for data in sent.values() if data["kind"] == "dispatch")
    assert alert_id("p1", "A") in sent
    assert alarm["text"] == f"Alert delivery needs attention: {alarm_text}"
    assert alarm["priority"] == "technical"
    assert pager.tried == tried + (1 if mode == "400" else 0)  # a removed destination is not asked again
    assert [received.json["type"] for received in other.taken[2:]] == ["crs.alert.close", "crs.alert.open"]


def test_a_dead_destination_delays_no_other(
    kafka_settings: Fresh, pager: Receiver, other: Receiver, tmp_path: Path
) -> None:
    settings = kafka_settings()
    pager.mode, pager.slow_seconds = "slow", 30
    destinations = webhook("pager", pager.url, at_once=2) + webhook("desk", other.url)
    with dispatcher(settings, written(tmp_path, config_text(destinations, '[["pager", "desk"]]'))):
        watch = WatchWriter(settings)
        watch.alerts(alert("p0", "A"))
        other.wait(1)
        began = time.monotonic()
        watch.alerts(*(alert(f"p{n}", "A") for n in range(1, 40)))
        other.wait(40)
        assert time.monotonic() - began < 3
    assert len(opened(other)) == 40


def test_what_a_receiver_accepted_and_lost_it_gets_again_with_the_open_set(
    kafka_settings: Fresh, pager: Receiver, tmp_path: Path
) -> None:
    settings = kafka_settings()
    pager.mode = "forgets"
    rack = destination("rack", "alertmanager", refresh_seconds=0.5, poll_silences_seconds=0)
    with dispatcher(settings, written(tmp_path, config_text(f'{rack}urls = ["{pager.url}"]\n', '[["rack"]]'))):
        watch = WatchWriter(settings)
        watch.alerts(alert("p1", "A"), alert("p2", "B"), alert("p3", "C"))
        until(lambda: pager.tried >= 4)
        watch.alerts(alert("p3", "C", 2, "resolved"))
        time.sleep(1)
        pager.mode = "ok"
        posts = until(pager.posts)
    posted = {one["labels"].get("alert_id") for one in posts[0]}
    assert posted - {None} == {alert_id("p1", "A"), alert_id("p2", "B")}


def test_an_acknowledgement_at_pagerduty_stops_the_repeats_and_is_written_as_an_assessment(
    kafka_settings: Fresh, pager: Receiver, tmp_path: Path
) -> None:
    settings = kafka_settings()
    port = free_port()
    timing = "again_after_seconds = 2\nnext_tier_after_seconds = 6\n"
    destinations = pagerduty("duty", pager.url)
    with dispatcher(settings, written(tmp_path, config_text(destinations, '[["duty"]]', callbacks(port), timing))):
        watch = WatchWriter(settings)
        watch.alerts(alert("p1", "A", grade=3))
        pager.wait(2)  # raised, and again
        assert [event["dedup_key"] for event in pager.posts()][:2] == [
            f"{alert_id('p1', 'A')}:g3",
            f"{alert_id('p1', 'A')}:g3:2",
        ]
        event = {
            "id": "e1",
            "event_type": "incident.acknowledged",
            "agent": {"summary": "Dr. Gray"},
            "data": {"incident_key": pager.posts()[1]["dedup_key"]},
        }
        body = json.dumps({"event": event}).encode()
        signature = "v1=" + hmac.new(dispatcher_process.HOOK_SECRET.encode(), body, sha256).hexdigest()
        url = f"http://127.0.0.1:{port}/pagerduty"
        assert httpx.post(url, content=body, headers={"X-PagerDuty-Signature": "v1=00"}).status_code == 401
        assert httpx.post(url, content=body, headers={"X-PagerDuty-Signature": signature}).status_code == 202
        (assessment,) = dispatcher_process.assessments(settings)
        watch.alerts(alert("p1", "A", 2, "updated", grade=3, acknowledged_at=datetime.now(UTC)))
        pager.wait(4)
        time.sleep(8)  # longer than a repeat takes
    assert (assessment["type"], assessment["kind"], assessment["by"]) == ("assessment", "acknowledge", "Dr. Gray")
    assert (assessment["patient_id"], assessment["alert_id"]) == ("p1", alert_id("p1", "A"))
    actions = [event["event_action"] for event in pager.posts()]
    seen = actions.index("acknowledge")
    assert set(actions[:seen]) == {"trigger"}
    assert actions[seen:] == ["acknowledge"] * seen, "every incident is acknowledged once, and none is opened any more"


def test_two_dispatchers_share_the_partitions_and_the_death_of_one_changes_nothing(
    kafka_settings: Fresh, pager: Receiver, tmp_path: Path
) -> None:
    settings = kafka_settings()
    file = written(tmp_path, config_text(webhook("pager", pager.url), '[["pager"]]'))
    watch = WatchWriter(settings)
    first = dispatcher_process.start(settings, file)
    second = None
    try:
        watch.alerts(*(alert(f"p{n}", "A") for n in range(20)))
        pager.wait(20)
        second = dispatcher_process.start(settings, file)
        time.sleep(3)
        watch.alerts(*(alert(f"p{n}", "B") for n in range(20)))
        pager.wait(40)
        pager.mode = "down"
        watch.alerts(*(alert(f"p{n}", "A", 2, "resolved") for n in range(20)))
        time.sleep(1)
        dispatcher_process.stop(first, signal.SIGKILL)
        pager.mode = "ok"
        watch.alerts(*(alert(f"p{n}", "C") for n in range(20)))
        until(lambda: len(opened(pager)) >= 60 and len(closed(pager)) >= 20, 90)
        watch.alerts(*(alert(f"p{n}", "B", 2, "resolved") for n in range(20)))
        until(lambda: len(closed(pager)) >= 40)
    finally:
        for process in filter(None, (first, second)):
            dispatcher_process.stop(process)
    assert sorted(opened(pager)) == sorted(alert_id(f"p{n}", name) for n in range(20) for name in "ABC")
    assert sorted(closed(pager)) == sorted(alert_id(f"p{n}", name) for n in range(20) for name in "AB")
    assert "fail stop" not in (tmp_path / "log").read_text()


def test_a_dispatcher_that_was_frozen_ends_itself_and_another_has_its_patients(
    kafka_settings: Fresh, pager: Receiver, tmp_path: Path
) -> None:
    settings = kafka_settings()
    file = written(tmp_path, config_text(webhook("pager", pager.url), '[["pager"]]'))
    watch = WatchWriter(settings)
    first = dispatcher_process.start(settings, file, session_seconds=6)
    second = None
    try:
        watch.alerts(*(alert(f"p{n}", "A") for n in range(8)))
        pager.wait(8)
        second = dispatcher_process.start(settings, file)
        first.send_signal(signal.SIGSTOP)
        watch.alerts(*(alert(f"p{n}", "A", 2, "resolved") for n in range(8)))
        until(lambda: len(closed(pager)) == 8, 90)
        first.send_signal(signal.SIGCONT)
        assert first.wait(30) == FENCED
        watch.alerts(*(alert(f"p{n}", "B") for n in range(8)))
        until(lambda: len(opened(pager)) == 16)
    finally:
        for process in filter(None, (first, second)):
            dispatcher_process.stop(process)
    assert len(closed(pager)) == 8


def closed(pager: Receiver) -> list[str]:
    """Alerts that were closed at a webhook, each message once."""
    ids = {received.headers["webhook-id"]: received.json for received in list(pager.taken)}
    return [message["data"]["alert_id"] for message in ids.values() if message["type"] == "crs.alert.close"]


@pytest.mark.parametrize("writer", [WatchWriter, WatchWriter01])  # dispatch is updated before the workers
def test_when_heartbeats_stop_the_technicians_are_paged_until_they_come_again(
    writer: type[WatchWriter],
    kafka_settings: Fresh,
    pager: Receiver,
    other: Receiver,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings = kafka_settings(partitions=2)
    monkeypatch.setenv("CRS_TEST_ALIVE", f"{other.url}/alive")
    timing = 'heartbeat_within_seconds = 3\nalive_url = { env = "CRS_TEST_ALIVE" }\nalive_seconds = 1\n'
    with dispatcher(
        settings, written(tmp_path, config_text(webhook("pager", pager.url), '[["pager"]]', timing=timing))
    ):
        watch = writer(settings)
        until(with_heartbeats(watch.heartbeats, lambda: other.taken))
        until(with_heartbeats(partial(watch.heartbeat, 0), lambda: pager.taken))
        posted = len(other.taken)
        until(with_heartbeats(partial(watch.heartbeat, 0), lambda: time.time() > pager.taken[0].at + 3))
        assert len(other.taken) <= posted + 1  # the dead-man's switch is not posted to
        text = pager.posts()[0]["data"]["text"]
        until(with_heartbeats(watch.heartbeats, lambda: len(pager.taken) > 1))
    assert "no heartbeat of partition 1: alerts may not be arriving, watch patients by hand" in text
    assert [post["type"] for post in pager.posts()] == ["crs.alert.open", "crs.alert.close"]


def test_heartbeats_from_before_the_start_do_not_count(
    kafka_settings: Fresh, pager: Receiver, other: Receiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = kafka_settings(partitions=2)
    monkeypatch.setenv("CRS_TEST_ALIVE", f"{other.url}/alive")
    timing = 'heartbeat_within_seconds = 3\nalive_url = { env = "CRS_TEST_ALIVE" }\nalive_seconds = 1\n'
    WatchWriter(settings).heartbeats()
    WatchWriter01(settings).heartbeats()
    text = config_text(webhook("pager", pager.url), '[["pager"]]', timing=timing)
    alarm = "no heartbeat of partition 0, 1:"
    with dispatcher(settings, written(tmp_path, text)):
        # Partitions are assigned one after the other, so the alarm may name one of them first and then both.
        wait_until(lambda: alarm in "".join(post["data"]["text"] for post in pager.posts()), "the alarm")
    assert other.taken == []


def test_after_a_long_outage_only_the_last_version_of_open_alerts_is_paged(
    kafka_settings: Fresh, pager: Receiver, tmp_path: Path
) -> None:
    settings = kafka_settings()
    watch = WatchWriter(settings)
    for n in range(6):
        watch.alerts(alert(f"p{n}", "A"), alert(f"p{n}", "A", 2, "updated", grade=3))
    watch.alerts(*(alert(f"p{n}", "A", 3, "resolved") for n in range(3)))
    time.sleep(1.1)
    file = written(
        tmp_path, config_text(webhook("pager", pager.url), '[["pager"]]', timing="stale_after_seconds = 1\n")
    )
    with dispatcher(settings, file):
        pager.wait(3)
        time.sleep(1)
    assert sorted((post["data"]["alert_id"], post["data"]["version"]) for post in pager.posts()) == sorted(
        (alert_id(f"p{n}", "A"), 2) for n in range(3, 6)
    )


def test_ack_finds_the_patient_of_an_open_alert_and_writes_an_assessment(kafka_settings: Fresh) -> None:
    settings = kafka_settings()
    WatchWriter(settings).open_alert("p1", "A")
    key = f"{alert_id('p1', 'A')}:g3:2"
    assert ack(settings, key, "--by", "Nurse Joy") == (0, f"{alert_id('p1', 'A')}: acknowledged")
    assert ack(settings, key, "--by", "Nurse Joy", "--snooze", "30") == (0, f"{alert_id('p1', 'A')}: quiet for 30 min")
    code, output = ack(settings, "no-such-alert", "--by", "Nurse Joy")
    assert (code, output.startswith("crs-monitor: no-such-alert: no such alert is open")) == (2, True)
    seen, snoozed = sorted(dispatcher_process.assessments(settings, 2), key=lambda each: str(each["kind"]))
    assert (seen["patient_id"], seen["by"], seen["alert_id"]) == ("p1", "Nurse Joy", alert_id("p1", "A"))
    asked = datetime.fromisoformat(snoozed["until"]) - datetime.fromisoformat(snoozed["effective_at"])
    assert asked == timedelta(minutes=30)


def ack(settings: Settings, *arguments: str) -> tuple[int, str]:
    command = [sys.executable, "-m", "agents.cli.main", "ack", *arguments]
    where = ["--bootstrap-servers", settings.bootstrap_servers, "--topic-prefix", settings.topic_prefix]
    done = subprocess.run([*command, *where], capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stderr.strip()


def test_no_page_log_or_metric_contains_anything_about_a_patient(
    kafka_settings: Fresh, pager: Receiver, other: Receiver, tmp_path: Path
) -> None:
    settings = kafka_settings()
    patient = "mrn-canary-7731"
    metrics, port = free_port(), free_port()
    other.mode = "400"  # rejections and alarms are included
    rack = destination("rack", "alertmanager", refresh_seconds=0.5, poll_silences_seconds=0)
    destinations = (
        webhook("pager", pager.url)
        + pagerduty("duty", pager.url)
        + f'{rack}urls = ["{pager.url}"]\n'
        + webhook("broken", other.url, second='"pager"')
        + destination("screen", "console")
    )
    tiers = '[["pager", "duty", "rack", "broken", "screen"]]'
    watch = WatchWriter(settings)
    watch.location(patient, "7A", f"bed of {patient}")  # a feed with the patient id in the bed
    with dispatcher(
        settings,
        written(tmp_path, config_text(destinations, tiers, callbacks(port))),
        "--metrics-port",
        str(metrics),
        "--log-level",
        "debug",
    ):
        watch.alerts(
            alert(patient, "A"),
            alert(patient, "A", 2, "updated", grade=3),
            alert(patient, "B", kind="dose_indicated", priority="medium"),
        )
        until(lambda: len(opened_anywhere(pager)) >= 3)
        watch.producer.produce(f"{settings.topic_prefix}alerts", b'{"patient_id": "mrn-canary-7731", 41.7', b"x")
        watch.alerts(alert(patient, "A", 3, "resolved"), alert(patient, "B", 2, "retracted", reason=f"{patient} died"))
        time.sleep(2)
        shown = httpx.get(f"http://127.0.0.1:{metrics}/metrics").text
        assert httpx.get(f"http://127.0.0.1:{metrics}/healthz").status_code == 200
        assert httpx.get(f"http://127.0.0.1:{metrics}/readyz").status_code == 200
    log = (tmp_path / "log").read_text()
    requests = [*pager.taken, *other.taken]
    sent = " ".join(f"{one.path} {one.headers} {one.body.decode()}" for one in requests)
    assert "PAGE" in log
    assert "decision reason=unreadable" in log
    assert 'crs_pages_total{act="open",destination="duty",outcome="taken"}' in shown
    assert "crs_page_seconds_bucket" in shown
    assert len(requests) > 8
    for place, content in {"log": log, "metrics": shown, "requests": sent}.items():
        for canary in (
            patient,
            dispatcher_process.CANARY_DRUG,
            str(dispatcher_process.CANARY_VALUE),
            dispatcher_process.SECRET,
            dispatcher_process.TOKEN,
            dispatcher_process.SIGNING,
        ):
            assert canary not in content, f"{canary} in {place}"
        assert dispatcher_process.ROUTING_KEY not in content or place == "requests"


def opened_anywhere(pager: Receiver) -> list[str]:
    return [one.path for one in list(pager.taken) if b'"crs.alert.open"' in one.body]


def test_a_reason_not_to_start_is_one_line(kafka_settings: Fresh, pager: Receiver, tmp_path: Path) -> None:
    settings = kafka_settings(topics=False)
    file = written(tmp_path, config_text(webhook("pager", pager.url), '[["pager"]]'))
    process = dispatcher_process.start(settings, file)
    assert process.wait(30) == 2
    assert "is missing; `crs-monitor topics` creates what is missing" in (tmp_path / "log").read_text()
    process = dispatcher_process.start(settings, file, "--check")
    assert process.wait(30) == 0
    assert (tmp_path / "log").read_text().splitlines()[-1] == "1 destinations, 0 routes: sound"


def test_it_stops_cleanly_and_without_a_traceback(kafka_settings: Fresh, pager: Receiver, tmp_path: Path) -> None:
    settings = kafka_settings()
    file = written(tmp_path, config_text(webhook("pager", pager.url), '[["pager"]]'))
    process = dispatcher_process.start(settings, file)
    WatchWriter(settings).alerts(alert("p1", "A"))
    pager.wait(1)
    assert dispatcher_process.stop(process) == 0
    assert "Traceback" not in (tmp_path / "log").read_text()


def test_while_brokers_are_away_open_alerts_are_refreshed_and_nothing_is_lost(pager: Receiver, tmp_path: Path) -> None:
    rack = destination("rack", "alertmanager", refresh_seconds=0.5, poll_silences_seconds=0)
    file = written(tmp_path, config_text(f'{rack}urls = ["{pager.url}"]\n', '[["rack"]]'))
    with EmbeddedKafka(partitions=2, topic_prefix="crs.") as brokers:
        settings = brokers.settings()
        watch = WatchWriter(settings)
        with dispatcher(settings, file):
            watch.alerts(alert("p1", "A"))
            until(lambda: alert_id("p1", "A") in open_set(pager))
            brokers.down()
            time.sleep(12)  # longer than the session
            before = len(pager.taken)
            until(lambda: len(pager.taken) > before + 2)
            assert open_set(pager) == {alert_id("p1", "A")}
            brokers.up()
            watch.alerts(alert("p2", "B"))
            until(lambda: open_set(pager) == {alert_id("p1", "A"), alert_id("p2", "B")}, 60)
            watch.alerts(alert("p1", "A", 2, "resolved"))
            until(lambda: open_set(pager) == {alert_id("p2", "B")}, 60)
    assert "Traceback" not in (tmp_path / "log").read_text()


def open_set(pager: Receiver) -> set[str]:
    """The alerts that are open according to all posts so far."""
    opened: set[str] = set()
    for post in pager.posts():
        for one in post:
            ends = datetime.fromisoformat(one["endsAt"])
            name = one["labels"].get("alert_id")
            if name is not None and ends > datetime.now(UTC):
                opened.add(name)
            else:
                opened.discard(name)
    return opened
