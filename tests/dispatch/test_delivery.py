"""A dispatcher process on a real Kafka with misbehaving receivers: every alert arrives once and in order."""

from __future__ import annotations

import json
import signal
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.broker import Fresh
from tests.dispatch import dispatcher_process
from tests.dispatch.dispatcher_process import WatchWriter, alert, config_text, dispatcher
from tests.dispatch.receiver import Receiver, receiver

pytestmark = pytest.mark.kafka

WEBHOOK = """
[dispatch.destinations.pager]
kind = "webhook"
url = "{url}/hook"
secrets = [{{ env = "CRS_TEST_SIGNING" }}]
timeout_seconds = 0.7
flood_pages = 0
{more}
"""


def config(tmp_path: Path, pager: Receiver, more: str = "", timing: str = "", rest: str = "") -> Path:
    file = tmp_path / "dispatch.toml"
    file.write_text(config_text(WEBHOOK.format(url=pager.url, more=more) + rest, '[["pager"]]', timing=timing))
    return file


def story(pager: Receiver) -> dict[str, list[str]]:
    """The messages about each alert in order, without repeats of the same message."""
    seen: dict[str, None] = {}
    messages: dict[str, list[str]] = {}
    for received in list(pager.taken):
        if received.headers["webhook-id"] not in seen:
            seen[received.headers["webhook-id"]] = None
            data = received.json["data"]
            messages.setdefault(data["alert_id"], []).append(
                f"{received.json['type'].removeprefix('crs.alert.')} {data['version']}"
            )
    return messages


def test_an_alert_opens_is_updated_and_closes_with_bed_and_reference_only(
    kafka_settings: Fresh, pager: Receiver, tmp_path: Path
) -> None:
    settings = kafka_settings()
    watch = WatchWriter(settings)
    watch.location("p1", "7A", "12")
    with dispatcher(settings, config(tmp_path, pager)):
        for number, one in enumerate(
            (alert("p1", "A"), alert("p1", "A", 2, "updated"), alert("p1", "A", 3, "resolved")), 1
        ):
            watch.alerts(one)
            pager.wait(number)
    assert story(pager) == {dispatcher_process.alert_id("p1", "A"): ["open 1", "update 2", "close 3"]}
    data = pager.posts()[0]["data"]
    assert (data["unit"], data["bed"], data["priority"], data["grade"]) == ("7A", "12", "high", 2)
    assert data["text"] == f"CRS grade rose, grade 2 - bed 12 7A - ref {data['reference']}"


def test_a_restart_and_a_replay_page_nobody_twice(kafka_settings: Fresh, pager: Receiver, tmp_path: Path) -> None:
    settings = kafka_settings()
    watch = WatchWriter(settings)
    file = config(tmp_path, pager)
    with dispatcher(settings, file):
        watch.alerts(*(alert(f"p{n}", "A") for n in range(8)))
        pager.wait(8)
        time.sleep(0.5)
    again = tmp_path / "again.toml"
    again.write_text(file.read_text().replace("[dispatch]\n", '[dispatch]\ngroup = "replayed"\n'))
    with dispatcher(settings, again):  # a new group reads the alerts topic from its beginning
        watch.alerts(alert("p9", "A"))
        pager.wait(9)
        time.sleep(1)
    assert len(pager.taken) == 9


MODES = {"down": "down", "slow": "slow", "failing": "500", "busy": "429", "resetting": "resets"}


def test_each_alert_arrives_once_and_in_order_at_misbehaving_pagers_and_across_a_kill(
    kafka_settings: Fresh, tmp_path: Path
) -> None:
    """Five pagers that each misbehave in another way; all get every alert."""
    settings = kafka_settings()
    watch = WatchWriter(settings)
    with ExitStack() as stack:
        pagers = {name: stack.enter_context(receiver()) for name in MODES}
        for name, mode in MODES.items():
            pagers[name].mode = mode
        file = tmp_path / "dispatch.toml"
        tables = (WEBHOOK.replace("pager", name).format(url=one.url, more="") for name, one in pagers.items())
        file.write_text(config_text("".join(tables), json.dumps([list(MODES)])))
        process = dispatcher_process.start(settings, file)
        try:
            for n in range(6):
                watch.alerts(alert(f"p{n}", "A"), alert(f"p{n}", "A", 2, "updated", priority="high", grade=3))
            until = time.monotonic() + 60
            while min(one.tried for one in pagers.values()) < 4 and time.monotonic() < until:
                time.sleep(0.05)
            dispatcher_process.stop(process, signal.SIGKILL)
            process = dispatcher_process.start(settings, file)
            time.sleep(1.5)
            watch.alerts(*(alert(f"p{n}", "A", 3, "resolved") for n in range(6)))
            time.sleep(1)
            for one in pagers.values():
                one.mode = "ok"
            until = time.monotonic() + 150
            while any(seen(one) < 18 for one in pagers.values()) and time.monotonic() < until:
                time.sleep(0.1)
        finally:
            dispatcher_process.stop(process)
        whole = {dispatcher_process.alert_id(f"p{n}", "A"): ["open 1", "open 2", "close 3"] for n in range(6)}
        assert {name: story(one) for name, one in pagers.items()} == dict.fromkeys(MODES, whole)
        assert all(one.tried >= 4 for one in pagers.values())


def seen(pager: Receiver) -> int:
    """How many different messages a pager accepted."""
    return sum(map(len, story(pager).values()))


def test_in_a_burst_of_500_every_high_alert_arrives_in_five_seconds_and_the_rest_is_one_summary(
    kafka_settings: Fresh, pager: Receiver, tmp_path: Path
) -> None:
    settings = kafka_settings()
    pager.delay_seconds = 0.02
    watch = WatchWriter(settings)
    file = config(tmp_path, pager, timing="flood_gather_seconds = 8\n")
    file.write_text(file.read_text().replace("flood_pages = 0", "flood_pages = 10"))
    with dispatcher(settings, file):
        watch.alerts(alert("p0", "first"))
        pager.wait(1)
        began = time.time()
        watch.alerts(*(alert(f"p{n}", "A", priority="medium" if n % 5 else "high") for n in range(500)))
        pager.wait(101)
        summary: list[Any] = []
        until = time.monotonic() + 60
        while not summary and time.monotonic() < until:
            time.sleep(0.1)
            summary = [post["data"]["text"] for post in pager.posts() if post["data"]["kind"] == "summary"]
    accepted = {one.json["data"]["alert_id"]: one for one in pager.taken}
    high = [accepted[dispatcher_process.alert_id(f"p{n}", "A")].at for n in range(0, 500, 5)]
    medium = [one for one in pager.posts() if one["data"]["priority"] == "medium" and one["data"]["kind"] != "summary"]
    assert max(high) - began < 5
    assert len(medium) <= 10
    assert summary == [f"Several alerts at once: {400 - len(medium)} alerts: {400 - len(medium)} escalation"]
