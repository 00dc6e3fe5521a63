"""System alarms and flood summaries, and the closing of cases, each built alone on a store and pages."""

from __future__ import annotations

from dataclasses import replace

from agents.dispatch.case_closer import CaseCloser
from agents.dispatch.case_store import CaseStore
from agents.dispatch.commands import PagingPolicy
from agents.dispatch.model import Case
from agents.dispatch.pages import Pages, with_status
from agents.dispatch.system_alarms import SystemAlarms
from tests.dispatch.page_examples import AT
from tests.dispatch.paging_parts import MINUTE, POLICY, case, ended, texts

STAMP = int(AT.timestamp())


def alarms(policy: PagingPolicy = POLICY) -> SystemAlarms:
    store, pages = CaseStore(), Pages(policy)
    return SystemAlarms(policy, store, pages, CaseCloser(store, pages))


def delivered(store: CaseStore) -> None:
    """Every destination has accepted everything."""
    for one in list(store.cases.values()):
        for name, status in one.destinations.items():
            one = with_status(one, name, replace(status, pending=()))
        store.save(one)


def test_an_alarm_is_raised_once_updated_when_its_text_changes_and_ended_once() -> None:
    part, name = alarms(), f"dispatch-forgot-0-0-{STAMP}"
    assert texts(part.raise_alarm("forgot:0", "1 alert", ("desk",), 0, AT)) == [
        "alarm",
        f"desk open {name} raised",
        f"save {name}",
    ]
    assert texts(part.raise_alarm("forgot:0", "1 alert", ("desk",), 0, AT)) == []
    assert texts(part.raise_alarm("forgot:0", "2 alerts", ("desk",), 0, AT)) == [
        f"desk update {name} updated",
        f"save {name}",
    ]
    assert texts(part.end_alarm("forgot:0", AT)) == [f"desk close {name} over", "resolved", f"save {name}"]
    assert texts(part.end_alarm("forgot:0", AT)) == []


def test_an_alarm_about_a_destination_goes_to_its_fallback_or_else_to_the_other_recipients() -> None:
    part = alarms(replace(POLICY, system_alarm_to=("senior", "desk")))
    raised = texts(part.about_destination("stuck", "doctor", "doctor does not take pages", 0, AT))
    assert raised[1] == f"desk open dispatch-stuck-doctor-0-{STAMP} raised"
    raised = texts(part.about_destination("stuck", "senior", "senior does not take pages", 0, AT))
    assert raised[1] == f"desk open dispatch-stuck-senior-0-{STAMP} raised"


def test_recipients_are_the_first_tier_unless_the_settings_name_them() -> None:
    assert alarms().recipients == ("doctor",)
    assert alarms(replace(POLICY, system_alarm_to=("desk",))).recipients == ("desk",)


def test_an_old_alarm_ends_by_itself_but_never_the_one_about_heartbeats() -> None:
    part = alarms()
    texts(part.about_destination("stuck", "doctor", "doctor does not take pages", 0, AT))
    texts(part.silent_partitions([3, 5], AT))
    (heartbeat,) = (one for one in part.store.cases.values() if one.alarm == "heartbeat")
    assert heartbeat.alert.detail == (
        "no heartbeat of partition 3, 5: alerts may not be arriving, watch patients by hand"
    )
    assert texts(part.end_old_alarms(AT + 9 * MINUTE)) == []
    assert f"desk close dispatch-stuck-doctor-0-{STAMP} over" in texts(part.end_old_alarms(AT + 10 * MINUTE))
    assert list(part.open) == ["heartbeat"]


def test_an_alarm_from_before_a_restart_is_taken_up_and_a_second_one_of_its_name_ends() -> None:
    part = alarms()
    first, second = (replace(case(name, tiers=(("desk",),)), alarm="stuck:doctor") for name in ("x", "y"))
    for one in (first, second):
        part.store.save(ended(part.pages.open(one, "desk", "raised", AT))[0])
    assert texts(part.restore(first, AT)) == []
    assert texts(part.restore(second, AT)) == ["desk close y over", "resolved", "save y"]
    part.forget({0})
    assert part.open == {}


def held(part: SystemAlarms, *names: str) -> list[Case]:
    """Fills the flood guard of the doctor, and holds alerts."""
    for name in ("x", "y"):
        ended(part.pages.open(case(name, priority="medium"), "doctor", "raised", AT))
    cases = [ended(part.pages.open(case(name, priority="medium"), "doctor", "raised", AT))[0] for name in names]
    for one in cases:
        part.store.save(one)
    return cases


def test_a_summary_names_how_many_alerts_of_which_kind_and_ends_with_its_last_member() -> None:
    part = alarms()
    first, second = held(part, "a1", "b1")
    assert texts(part.send_summaries(AT)) == []
    commands = texts(part.send_summaries(AT + MINUTE))
    (summary,) = (one for one in part.store.cases.values() if one.members)
    assert summary.alert.detail == "2 alerts: 2 escalation"
    assert commands == [
        "summary",
        f"doctor open {summary.alert_id} raised",
        f"save {summary.alert_id}",
        "save a1",
        "save b1",
    ]
    delivered(part.store)
    assert texts(part.closer.close(part.store.cases[first.alert_id], AT)) == ["raised", "save a1"]
    assert texts(part.closer.close(part.store.cases[second.alert_id], AT))[2:] == [
        f"doctor close {summary.alert_id} over",
        "resolved",
        f"save {summary.alert_id}",
    ]


def test_closing_closes_every_incident_and_the_case_is_settled_once_that_is_delivered() -> None:
    store, pages = CaseStore(), Pages(POLICY)
    closer = CaseCloser(store, pages)
    opened = ended(pages.open(case(status="resolved"), "doctor", "raised", AT))[0]
    store.save(opened)
    assert texts(closer.close(opened, AT)) == ["doctor close a1 over", "resolved", "save a1"]
    assert store.closing == {"a1"}
    assert texts(closer.close_own("a1", AT)) == []  # it is closed
    delivered(store)
    assert store.cases == {}
