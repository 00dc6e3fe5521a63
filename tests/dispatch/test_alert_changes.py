"""What follows from a new version of an alert, alone: built on a store, pages, a closer and escalation."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from agents.dispatch.alert_changes import AlertChanges
from agents.dispatch.case_closer import CaseCloser
from agents.dispatch.case_store import CaseStore
from agents.dispatch.commands import AlertUpdate, PagingPolicy
from agents.dispatch.escalation import Escalation
from agents.dispatch.pages import Pages
from agents.dispatch.routing import Routing
from agents.dispatch.system_alarms import SystemAlarms
from tests.dispatch.page_examples import AT, page
from tests.dispatch.paging_parts import MINUTE, POLICY, texts


def changes(policy: PagingPolicy = POLICY) -> AlertChanges:
    store, pages = CaseStore(), Pages(policy)
    closer = CaseCloser(store, pages)
    escalation = Escalation(policy, store, pages, SystemAlarms(policy, store, pages, closer))
    return AlertChanges(policy, store, pages, closer, escalation)


def version(number: int, acknowledged_at: datetime | None = None, **given: Any) -> AlertUpdate:
    """One version of one alert, of high priority and grade 2 unless `given` differs."""
    snoozed_until = given.pop("snoozed_until", None)
    alert = page(version=number, **given).alert
    return AlertUpdate("a1", "somebody", 0, alert, number, acknowledged_at, snoozed_until)


def paged() -> AlertChanges:
    part = changes()
    assert texts(part.update(version(1), AT)) == ["paged", "doctor open a1 raised", "save a1"]
    return part


def test_a_version_that_was_received_before_changes_nothing() -> None:
    part = paged()
    assert texts(part.update(version(1), AT)) == ["repeat"]
    assert texts(part.update(version(2, status="updated"), AT)) == ["doctor update a1 updated", "updated", "save a1"]
    assert texts(part.update(version(1), AT)) == ["repeat"]


@pytest.mark.parametrize(
    ("given", "commands"),
    [
        ({"grade": 3}, ["doctor close a1 superseded", "doctor open a1:g3 worsened", "worsened", "save a1"]),
        ({"priority": "medium"}, ["doctor update a1 eased", "eased", "save a1"]),
        ({"acknowledged_at": AT}, ["doctor acknowledge a1 acknowledged", "acknowledged", "save a1"]),
        ({"snoozed_until": AT + MINUTE}, ["doctor update a1 snoozed", "snoozed", "save a1"]),
        ({"status": "resolved"}, ["doctor close a1 over", "resolved", "save a1"]),
        ({"status": "retracted"}, ["doctor close a1 over", "retracted", "save a1"]),
    ],
)
def test_each_change_has_its_pages_and_its_verdict(given: dict[str, Any], commands: list[str]) -> None:
    assert texts(paged().update(version(2, **given), AT)) == commands


def test_a_version_without_the_snooze_ends_it() -> None:
    part = paged()
    texts(part.update(version(2, snoozed_until=AT + MINUTE), AT))
    part.store.save(replace(part.store.cases["a1"], destinations={}))  # nothing is pending
    assert texts(part.update(version(3), AT)) == ["doctor open a1 snooze_ended", "snooze_ended", "save a1"]


def test_an_alert_that_is_already_over_or_acknowledged_is_not_paged() -> None:
    assert texts(changes().update(version(1, status="resolved"), AT)) == ["over_before_told", "save a1"]
    assert texts(changes().update(version(1, AT), AT)) == ["taken_on_before_told", "save a1"]


def test_without_a_route_nobody_is_paged_and_the_case_is_saved() -> None:
    assert texts(changes(replace(POLICY, routing=Routing(()))).update(version(1), AT)) == ["unrouted", "save a1"]


def test_an_alert_that_is_raised_again_while_it_is_closing_pages_again() -> None:
    part = paged()
    texts(part.update(version(2, status="resolved"), AT))
    assert texts(part.update(version(3), AT)) == ["doctor open a1:2 worsened", "worsened", "save a1"]
