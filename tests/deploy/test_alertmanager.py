"""Alertmanager's configuration: which receiver gets which alert, and which alert mutes which."""

from __future__ import annotations

import re

import pytest

from agents.dispatch.pagers.alertmanager import ALIVE_NAME
from tests.deploy.test_rules import RULES
from tests.deploy.tools import DEPLOY, one, passes

CONFIG = DEPLOY / "alertmanager" / "alertmanager.yml"


def test_amtool_accepts_the_configuration() -> None:
    passes("amtool", "check-config", CONFIG)


@pytest.mark.parametrize(
    ("labels", "receiver"),
    [
        (("service=crs-monitor", "alertname=CrsAlert", "kind=escalation", "severity=critical"), "clinicians"),
        (("service=crs-monitor", "alertname=CrsAlert", "kind=onset", "severity=info"), "clinicians"),
        (("service=crs-monitor", f"alertname={ALIVE_NAME}", "severity=none"), "watchdog"),
        (("alertname=CrsAlive", "severity=none"), "watchdog"),
        (("alertname=CrsPipelineDead", "severity=critical"), "operators-now"),
        (("alertname=CrsLag", "severity=warning"), "operators"),
        (("alertname=CrsDeadLetters", "severity=info"), "digest"),
    ],
)
def test_an_alert_goes_to_whom_it_concerns(labels: tuple[str, ...], receiver: str) -> None:
    receivers = passes("amtool", "config", "routes", "test", f"--config.file={CONFIG}", *labels)
    assert receivers.split() == [receiver]


def test_inhibitions_name_rules_that_exist() -> None:
    named = {
        name
        for rule in one(CONFIG)["inhibit_rules"]
        for matcher in rule["source_matchers"] + rule["target_matchers"]
        if matcher.startswith("alertname")
        for name in re.findall(r"Crs\w+", matcher)
    }
    assert named
    assert named <= set(RULES)


def test_no_secret_stands_in_the_file() -> None:
    text = CONFIG.read_text(encoding="utf-8")
    assert not re.search(r"^\s*-?\s*(routing_key|service_key|api_url|password|bearer_token|url):", text, re.MULTILINE)
