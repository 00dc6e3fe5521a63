"""The store of open cases, alone: indexes, keys, settled versions, members of summaries; and the stored row."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from agents.dispatch.case_store import CaseStore
from agents.dispatch.commands import SaveCase
from agents.dispatch.model import Case, DestinationStatus, decode, encode
from tests.dispatch.page_examples import AT, page

OPENED = page(destination="doctor")
STATUS = DestinationStatus(keys=("a1",), used=("a1",), levels={"a1": "high"}, pending=(OPENED,), version=1)
CASE = Case("A1", "somebody", 0, OPENED.alert, (("doctor",),), AT, destinations={"doctor": STATUS})
DELIVERED = replace(CASE, destinations={"doctor": replace(STATUS, pending=())})
CLOSED = replace(CASE, closed_at=AT)


def test_a_case_is_found_by_alert_id_public_id_and_key_until_it_is_closed() -> None:
    store = CaseStore()
    assert store.save(CASE) == SaveCase(CASE)
    assert store.find("A1") == store.find("a1") == store.of_page(OPENED) == CASE
    store.save(CLOSED)  # the close is not delivered yet
    assert store.find("a1") is None
    assert store.of_page(OPENED) == CLOSED


def test_a_system_alarm_is_found_by_its_pages_only() -> None:
    store = CaseStore()
    store.save(replace(CASE, patient_id=""))
    assert store.find("A1") is None
    assert store.of_page(OPENED) is not None


def test_a_settled_case_leaves_only_its_version() -> None:
    store = CaseStore()
    store.save(CASE)
    store.save(replace(DELIVERED, closed_at=AT))
    assert store.cases == {}
    assert (store.last_version(0, "A1"), store.last_version(1, "A1")) == (1, 0)
    assert store.of_page(OPENED) is None


@pytest.mark.parametrize(
    ("case", "unacknowledged", "snoozed", "closing"),
    [
        (CASE, True, False, False),
        (DELIVERED, True, False, False),
        (replace(CASE, acknowledged_at=AT), True, False, False),  # undelivered: its fallback may be needed
        (replace(DELIVERED, acknowledged_at=AT), False, False, False),
        (replace(DELIVERED, snoozed_until=AT), False, True, False),
        (replace(DELIVERED, tiers=()), False, False, False),
        (replace(DELIVERED, alarm="stuck:doctor"), False, False, False),
        (replace(DELIVERED, alert=replace(CASE.alert, priority="medium")), False, False, False),
        (CLOSED, True, False, True),
    ],
)
def test_each_case_is_in_the_indexes_that_need_it(
    case: Case, unacknowledged: bool, snoozed: bool, closing: bool
) -> None:
    store = CaseStore()
    store.save(CASE)
    store.save(case)
    indexes = (store.unacknowledged, store.snoozed, store.closing)
    assert tuple("A1" in index for index in indexes) == (unacknowledged, snoozed, closing)
    store.remove(case)
    assert indexes == (set(), set(), set())


def test_the_open_set_of_a_destination_has_what_it_accepted() -> None:
    store = CaseStore()
    store.save(CASE)
    assert store.open_pages("doctor") == store.open_pages("senior") == []
    assert [each.key for each in store.open_pages("doctor", {"a1"})] == ["a1"]
    store.save(DELIVERED)
    assert [each.key for each in store.open_pages("doctor")] == ["a1"]


def test_a_lost_partition_takes_its_cases_and_versions_along() -> None:
    store = CaseStore()
    store.save(CASE)
    store.settle(replace(CASE, alert_id="B1"))
    assert store.remove_partition(1) == []
    assert store.remove_partition(0) == [CASE]
    assert (store.cases, store.last_version(0, "A1"), store.last_version(0, "B1")) == ({}, 0, 0)


def test_a_summary_is_over_with_its_last_open_member() -> None:
    store = CaseStore()
    summary = replace(CASE, alert_id="S", members=("A1", "B1"))
    store.save(summary)
    store.set_members("S", summary.members)
    assert not store.remove_member("S", "A1")
    assert store.summaries_without_members() == []
    assert store.remove_member("S", "B1")
    assert store.summaries_without_members() == [summary]


def test_members_are_known_again_from_their_rows() -> None:
    store = CaseStore()
    store.save(replace(CASE, alert_id="S", members=("A1",)))
    store.save(replace(CASE, destinations={"doctor": replace(STATUS, summary="S")}))
    assert store.summaries_without_members() == []


ALERT_0_1: dict[str, Any] = {
    "alert_id": "a1",
    "version": 1,
    "status": "raised",
    "kind": "escalation",
    "priority": "high",
    "grade": 2,
    "raised_at": "2026-03-04T10:00:00Z",
    "reference": "5f1c",
    "unit": "7A",
    "bed": "12",
    "link": None,
    "detail": None,
}
ROW_0_1: dict[str, Any] = {
    "alert_id": "A1",
    "patient_id": "somebody",
    "partition": 0,
    "brief": ALERT_0_1,
    "tiers": [["doctor"]],
    "paged_at": "2026-03-04T10:00:00Z",
    "tier": 0,
    "offset": 0,
    "rounds": 0,
    "acknowledged_at": None,
    "snoozed_until": None,
    "closed_at": None,
    "lines": {
        "doctor": {
            "keys": ["a1"],
            "used": ["a1"],
            "levels": {"a1": "high"},
            "pending": [
                {
                    "destination": "doctor",
                    "act": "open",
                    "cause": "raised",
                    "key": "a1",
                    "brief": ALERT_0_1,
                    "repeat": 0,
                    "order": 0,
                    "primary": True,
                    "level": "high",
                }
            ],
            "version": 1,
            "held": False,
            "summary": None,
        }
    },
    "alarm": None,
    "members": [],
}


def test_a_row_is_as_build_0_1_wrote_it_name_by_name_and_in_the_same_order() -> None:
    row = json.dumps(ROW_0_1, separators=(",", ":")).encode()
    assert encode(CASE) == row
    assert decode(row) == CASE
