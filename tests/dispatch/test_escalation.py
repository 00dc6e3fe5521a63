"""Escalation alone: repeats, the next tier, fallbacks, the end of a snooze, and what is abandoned."""

from __future__ import annotations

from dataclasses import replace

from agents.dispatch.case_closer import CaseCloser
from agents.dispatch.case_store import CaseStore
from agents.dispatch.commands import PagingPolicy
from agents.dispatch.escalation import Escalation
from agents.dispatch.model import Case
from agents.dispatch.pages import Pages, with_status
from agents.dispatch.system_alarms import SystemAlarms
from tests.dispatch.page_examples import AT
from tests.dispatch.paging_parts import MINUTE, POLICY, case, ended, texts

STAMP = int(AT.timestamp())


def escalation(policy: PagingPolicy = POLICY) -> Escalation:
    store, pages = CaseStore(), Pages(policy)
    return Escalation(policy, store, pages, SystemAlarms(policy, store, pages, CaseCloser(store, pages)))


def paged(part: Escalation, *, accepted: bool = True, **changes: object) -> Case:
    """A high-priority case that the doctor was paged about at ten."""
    opened = ended(part.pages.open(case(), "doctor", "raised", AT))[0]
    part.store.save(replace(opened, **changes))  # type: ignore[arg-type]
    if accepted:
        accept(part, "doctor")
    return part.store.cases["a1"]


def accept(part: Escalation, destination: str) -> None:
    """The destination accepts everything that is pending."""
    one = part.store.cases["a1"]
    part.store.save(with_status(one, destination, replace(one.at(destination), pending=())))


def test_an_unanswered_page_is_repeated_then_goes_to_the_next_tier_then_to_all() -> None:
    part = escalation()
    paged(part)
    assert texts(part.ticked(AT + 1 * MINUTE)) == []
    assert texts(part.ticked(AT + 2 * MINUTE)) == ["doctor open a1:2 again", "again", "save a1", "save a1"]
    accept(part, "doctor")
    assert texts(part.ticked(AT + 4 * MINUTE)) == []
    assert texts(part.ticked(AT + 5 * MINUTE)) == ["senior open a1 next_tier", "next_tier", "save a1"]


def test_nothing_is_repeated_once_it_is_acknowledged() -> None:
    part = escalation()
    paged(part, acknowledged_at=AT)
    assert texts(part.ticked(AT + 60 * MINUTE)) == []


def test_a_page_that_is_not_accepted_goes_to_the_fallback_with_an_alarm() -> None:
    part = escalation()
    paged(part, accepted=False)
    assert texts(part.ticked(AT + MINUTE)) == [
        "desk open a1 second",
        "alarm",
        f"desk open dispatch-stuck-doctor-0-{STAMP + 60} raised",
        f"save dispatch-stuck-doctor-0-{STAMP + 60}",
        "save a1",
    ]


def test_the_end_of_a_snooze_pages_again_unless_it_was_acknowledged() -> None:
    part = escalation()
    paged(part, snoozed_until=AT + 20 * MINUTE)
    assert texts(part.ticked(AT + 19 * MINUTE)) == []
    assert texts(part.ticked(AT + 20 * MINUTE)) == ["doctor open a1:2 snooze_ended", "snooze_ended", "save a1"]
    part = escalation()
    paged(part, snoozed_until=AT + 20 * MINUTE, acknowledged_at=AT)
    assert texts(part.ticked(AT + 20 * MINUTE)) == ["save a1"]


def test_a_rejected_page_drops_its_incident_and_pages_the_fallback_with_an_alarm() -> None:
    part = escalation()
    one = paged(part, accepted=False)
    (page,) = one.at("doctor").pending
    assert texts(part.page_rejected(one, page, "rejected", AT)) == [
        "page_refused",
        "drop doctor a1",
        "desk open a1 second",
        "save a1",
        "alarm",
        f"desk open dispatch-refused-doctor-0-{STAMP} raised",
        f"save dispatch-refused-doctor-0-{STAMP}",
    ]
    assert part.store.cases["a1"].at("doctor").keys == ()
    assert part.pages.removed_destinations == set()


def test_a_destination_that_is_removed_for_good_is_not_paged_again() -> None:
    part = escalation()
    one = paged(part, accepted=False)
    (page,) = one.at("doctor").pending
    assert texts(part.page_rejected(one, page, "removed", AT))[0] == "page_gone"
    assert ended(part.pages.open(case("b1"), "doctor", "raised", AT))[1] == ["desk open b1 raised"]


def test_a_rejected_update_opens_nothing_at_the_fallback() -> None:
    part = escalation()
    one = ended(part.pages.update(paged(part), "update", "updated"))[0]
    (page,) = one.at("doctor").pending
    assert texts(part.page_rejected(one, page, "rejected", AT))[:2] == ["page_refused", "save a1"]


def test_what_is_not_delivered_an_hour_after_its_close_is_abandoned() -> None:
    part = escalation()
    closing = replace(ended(part.pages.close(paged(part)))[0], closed_at=AT)
    part.store.save(closing)
    assert texts(part.ticked(AT + 59 * MINUTE)) == []
    assert texts(part.ticked(AT + 60 * MINUTE)) == ["drop doctor a1", "gave_up", "save a1"]
    assert part.store.cases == {}
