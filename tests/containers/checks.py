"""What holds while the compose system runs. Each check waits up to so many seconds and says what it saw instead."""

from __future__ import annotations

import asyncio
import ssl
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from agents.dispatch.pagers.alertmanager import ALERT_NAME, ALIVE_NAME
from tests.board.chromium import page, quoted
from tests.containers.compose_system import ALERTMANAGER, BOARD, PROMETHEUS, CommandError, ComposeSystem
from tests.deploy.tools import DEPLOY, json_from, one

PARTITIONS = 12
POLL_SECONDS = 1.0
# What a patient's grade brings about. In the simulated ward the first patients fall ill in the second minute.
GRADED = 'sum(crs_alerts_total{kind=~"onset|escalation|step|dose_indicated"})'
TARGETS = [
    f"{job['job_name']} {target}"
    for job in one(DEPLOY / "prometheus/prometheus.yml")["scrape_configs"]
    for each in job["static_configs"]
    for target in each["targets"]
]
RULES = {
    rule.get("alert", rule.get("record"))
    for file in (DEPLOY / "prometheus/rules").glob("*.yml")
    for group in one(file)["groups"]
    for rule in group["rules"]
}
Check = Callable[[ComposeSystem, float], None]


def until(holds: Callable[[], None], seconds: float) -> None:
    """Tries until it raises nothing more; at the end of `seconds` raises what it raised last."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            return holds()
        except (AssertionError, OSError) as error:
            if time.monotonic() > deadline:
                raise AssertionError(f"still so after {seconds:g} s: {error}") from error
        time.sleep(POLL_SECONDS)


def every_part_is_healthy(system: ComposeSystem, seconds: float = 60) -> None:
    """All containers run and pass their health checks; the one that makes topics has done so."""
    expected = set(system.compose("config", "--services").split())

    def holds() -> None:
        found = system.containers()
        assert found.keys() == expected, f"missing: {sorted(expected - found.keys())}"
        topics = found.pop("topics")
        assert (topics.state, topics.exit_code) == ("exited", 0), f"topics: {topics}"
        ill = {
            name: each[:3] for name, each in found.items() if each[:2] not in {("running", "healthy"), ("running", "")}
        }
        assert not ill, f"not healthy: {ill}"

    until(holds, seconds)


def every_partition_is_owned(system: ComposeSystem, seconds: float = 90) -> None:
    """The workers share all partitions among them."""

    def holds() -> None:
        owned = system.number("sum(crs_partitions_owned)")
        assert owned == PARTITIONS, f"{owned:g} of {PARTITIONS} partitions are owned"

    until(holds, seconds)


def grades_move(system: ComposeSystem, seconds: float = 150) -> None:
    """Patients fall ill, and the workers raise alerts for it."""
    before = system.number(GRADED)

    def holds() -> None:
        now = system.number(GRADED)
        assert now > before, f"no grade has moved: {before:g} alerts of grades before, {now:g} now"

    until(holds, seconds)


def all_targets_are_up(system: ComposeSystem, seconds: float = 60) -> None:
    """Prometheus reaches every target of its file."""

    def holds() -> None:
        found = json_from(f"{PROMETHEUS}/api/v1/targets")["data"]["activeTargets"]
        up = [f"{each['labels']['job']} {each['labels']['instance']}" for each in found if each["health"] == "up"]
        assert sorted(up) == sorted(TARGETS), f"not up: {sorted(set(TARGETS) ^ set(up))}"

    until(holds, seconds)


def all_rules_are_loaded(system: ComposeSystem, seconds: float = 60) -> None:
    """Prometheus evaluates every rule of our files without an error."""

    def holds() -> None:
        rules = [rule for group in json_from(f"{PROMETHEUS}/api/v1/rules")["data"]["groups"] for rule in group["rules"]]
        well = {rule["name"] for rule in rules if rule["health"] == "ok"}
        assert well == RULES, f"not loaded or not evaluated: {sorted(RULES ^ well)}"

    until(holds, seconds)


def the_reader_reads_the_history(system: ComposeSystem, seconds: float = 60) -> None:
    """`history` fills the database; the role of the dashboards reads it, and can change nothing."""

    def holds() -> None:
        (count,) = system.read("SELECT count(*) FROM alerts")
        assert int(count) > 0, "the history has no alert"

    until(holds, seconds)
    with pytest.raises(CommandError, match="read-only transaction"):
        system.read("DELETE FROM alerts")
    with pytest.raises(CommandError, match="permission denied"):
        system.read("SET transaction_read_only = off; DELETE FROM alerts")


def alertmanager_has_the_pages(system: ComposeSystem, seconds: float = 120) -> None:
    """Pages of patients come from dispatch, and both signs of life, each at the receiver that it is for."""

    def holds() -> None:
        alerts = json_from(f"{ALERTMANAGER}/api/v2/alerts")
        found = {(alert["labels"]["alertname"], one["name"]) for alert in alerts for one in alert["receivers"]}
        wanted = {(ALERT_NAME, "clinicians"), (ALIVE_NAME, "watchdog"), ("CrsAlive", "watchdog")}
        assert wanted <= found, f"Alertmanager was not told of {sorted(wanted - found)}"

    until(holds, seconds)


def the_board_is_live(system: ComposeSystem, seconds: float = 60) -> None:
    """Through the proxy with TLS, in a browser: the token opens it, patients are there and their values change."""

    def answers() -> None:
        trusting = ssl._create_unverified_context()  # the certificate is made anew at each start
        with urllib.request.urlopen(f"{BOARD}/healthz", timeout=10, context=trusting) as answer:
            assert answer.status == 200

    until(answers, seconds)
    asyncio.run(_look_at_board(system.passwords["CRS_BOARD_TOKEN"], system.folder / "board.png"))


async def _look_at_board(token: str, picture: Path) -> None:
    text = "document.querySelector('main').innerText"
    async with page(BOARD, "--ignore-certificate-errors", "--window-size=1600,1200") as tab:
        await tab.enter(token)
        await tab.until("document.querySelectorAll('article').length >= 40")
        await tab.until("document.body.innerText.includes('live')")
        before = await tab.run(text)
        await tab.until(f"{text} !== {quoted(before)}")
        await tab.save_picture(picture)
        assert tab.complaints == []


def verify_finds_no_difference(system: ComposeSystem) -> None:
    """The log, replayed, gives what was written."""
    verdict = system.verify()
    assert verdict["ok"], verdict


class Kept(NamedTuple):
    """What outlives the containers: the log, the history, the measurements at `moment` (epoch seconds)."""

    events: int
    alerts: int
    patients: int
    moment: float

    @classmethod
    def now(cls, system: ComposeSystem) -> Kept:
        """Counts it; the log, replayed, must give what was written."""
        verdict = system.verify()
        assert verdict["ok"], verdict
        (patients,) = system.read("SELECT count(*) FROM patients")
        return cls(verdict["events"], verdict["alerts"], int(patients), time.time())


def nothing_is_lost(before: Kept, system: ComposeSystem) -> None:
    """All that was kept before the containers were removed is there."""
    now = Kept.now(system)
    for name in ("events", "alerts", "patients"):
        assert getattr(now, name) >= getattr(before, name) > 0, f"lost {name}: {before} before, {now} now"
    measurements_reach_back(system, before.moment)


def measurements_reach_back(system: ComposeSystem, moment: float, seconds: float = 30) -> None:
    """Prometheus has what it measured at that moment."""

    def holds() -> None:
        assert system.number("count(up)") > 0, "Prometheus has measured nothing yet"
        assert system.number("count(up)", time=str(moment)) > 0, "measurements are lost"

    until(holds, seconds)
