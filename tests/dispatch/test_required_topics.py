"""`crs-monitor dispatch` starts only when its topics exist, with as many partitions as the alerts topic."""

from __future__ import annotations

import re

import pytest

from agents.brokers import preflight
from agents.brokers.preflight import TopicDescription
from agents.cli.dispatch import _require_topics
from agents.platform.errors import UserError
from agents.platform.settings import load

NAMES = ("crs.alerts", "crs.patient-state", "crs.heartbeats", "crs.dispatch-delivered", "crs.assessments")


def require(monkeypatch: pytest.MonkeyPatch, described: dict[str, TopicDescription]) -> None:
    monkeypatch.setattr(preflight, "describe_topics", lambda *arguments: described)
    _require_topics(load(topic_prefix="crs."))


def test_with_all_topics_it_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    require(monkeypatch, dict.fromkeys(NAMES, TopicDescription(4, 1)))


@pytest.mark.parametrize("name", NAMES)
def test_a_missing_topic_is_named(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    described = {other: TopicDescription(4, 1) for other in NAMES if other != name}
    with pytest.raises(UserError, match=rf"^topic {re.escape(name)} is missing; `crs-monitor topics` creates"):
        require(monkeypatch, described)


@pytest.mark.parametrize("name", ["crs.patient-state", "crs.heartbeats", "crs.dispatch-delivered"])
def test_another_number_of_partitions_is_named(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    described = dict.fromkeys(NAMES, TopicDescription(4, 1)) | {name: TopicDescription(8, 1)}
    with pytest.raises(UserError, match=rf"{re.escape(name)} has 8"):
        require(monkeypatch, described)
