"""Opening, updating and closing the incidents of one case, alone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agents.dispatch.model import Case
from agents.dispatch.pages import Pages, base_key
from tests.dispatch.page_examples import AT
from tests.dispatch.paging_parts import MINUTE, POLICY, case, ended, texts


def opened(pages: Pages, name: str = "doctor") -> Case:
    return ended(pages.open(case(), name, "raised", AT))[0]


def test_an_incident_opens_under_the_alert_id_and_a_repeat_under_a_count() -> None:
    pages = Pages(POLICY)
    first, commands = ended(pages.open(case(), "doctor", "raised", AT))
    assert commands == ["doctor open a1 raised"]
    second, commands = ended(pages.open(first, "doctor", "again", AT))
    assert commands == ["doctor open a1:2 again"]
    assert second.at("doctor").keys == ("a1", "a1:2")
    assert [page.page_id for page in second.at("doctor").pending] == ["a1.1", "a1.1.1"]


@pytest.mark.parametrize(
    ("priority", "grade", "key"),
    [("high", 2, "a1"), ("high", 3, "a1:g3"), ("high", 4, "a1:g4"), ("medium", 4, "a1")],
)
def test_grade_3_and_4_of_high_priority_have_keys_of_their_own(priority: str, grade: int, key: str) -> None:
    assert base_key(case(priority=priority, grade=grade).alert) == key


def test_a_worse_version_closes_the_old_level_before_it_opens_the_new_one() -> None:
    pages = Pages(POLICY)
    worse = replace(opened(pages), alert=case(grade=3, version=2).alert)
    changed, commands = ended(pages.open_worsened(worse, "doctor", AT))
    assert commands == ["doctor close a1 superseded", "doctor open a1:g3 worsened"]
    assert changed.at("doctor").keys == ("a1:g3",)


def test_an_update_is_about_the_latest_incident_an_acknowledgement_about_every_one() -> None:
    pages = Pages(POLICY)
    twice = ended(pages.open(opened(pages), "doctor", "again", AT))[0]
    assert ended(pages.update(twice, "update", "updated"))[1] == ["doctor update a1:2 updated"]
    acknowledged, commands = ended(pages.update(twice, "acknowledge", "acknowledged"))
    assert commands == ["doctor acknowledge a1 acknowledged", "doctor acknowledge a1:2 acknowledged"]
    assert [page.primary for page in acknowledged.at("doctor").pending[-2:]] == [False, True]


def test_closing_ends_every_incident_everywhere_and_what_was_held() -> None:
    pages = Pages(POLICY)
    both = ended(pages.open(opened(pages), "senior", "next_tier", AT))[0]
    pages.flood_guards["desk"].hold("a1", AT)
    closed, commands = ended(pages.close(both))
    assert commands == ["doctor close a1 over", "senior close a1 over"]
    assert closed.at("doctor").keys == closed.at("senior").keys == ()
    assert pages.flood_guards["desk"].held == {}


def test_a_flood_holds_what_is_not_high_and_never_what_is() -> None:
    pages = Pages(POLICY)
    for name in ("b1", "c1"):
        ended(pages.open(case(name, priority="medium"), "doctor", "raised", AT))
    held, commands = ended(pages.open(case(priority="medium"), "doctor", "raised", AT))
    assert (commands, held.at("doctor").held) == (["held_flood"], True)
    assert ended(pages.open(case("d1"), "doctor", "raised", AT))[1] == ["doctor open d1 raised"]
    assert list(pages.flood_guards["doctor"].held) == ["a1"]


def test_a_removed_destination_is_replaced_by_its_fallback_and_a_circle_of_fallbacks_ends() -> None:
    pages = Pages(replace(POLICY, fallback={"doctor": "desk", "desk": "doctor"}))
    pages.removed_destinations.add("doctor")
    assert ended(pages.open(case(), "doctor", "raised", AT))[1] == ["desk open a1 raised"]
    pages.removed_destinations.add("desk")
    assert ended(pages.open(case(), "doctor", "raised", AT))[1] == ["desk open a1 raised"]


def test_after_a_restart_pending_pages_are_sent_unchanged_and_earlier_pages_count_for_the_flood_guard() -> None:
    before = opened(Pages(POLICY))
    pages = Pages(POLICY)
    assert texts(pages.restore(before, AT)) == ["doctor open a1 raised"]
    pages.count_earlier(before, AT + 9 * MINUTE)
    assert list(pages.flood_guards["doctor"].recent) == [AT]
    pages.count_earlier(before, AT + 10 * MINUTE)  # longer ago than the window
    assert list(pages.flood_guards["doctor"].recent) == [AT]
