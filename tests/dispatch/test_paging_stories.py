"""Who is paged, when again, and when not: stories of one or a few alerts."""

# ruff: noqa: E501  # a line of a story is a line

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from agents.dispatch.assignment import StoredCases
from agents.dispatch.commands import AlertUpdate, PagingPolicy
from agents.dispatch.paging import Paging
from agents.dispatch.public_alert import PublicAlert
from agents.dispatch.routing import Routing, RoutingRule
from tests.dispatch.paging_story import DEFAULT, PagingStory

CALM = replace(DEFAULT, heartbeat_within=None)


def test_an_alert_pages_once_and_is_closed_by_the_engine_alone() -> None:
    PagingStory(CALM).play("""
        10:00  raise A medium      | doctor open A raised
        10:01  repeat A            | -                      # the log was read again
        11:00  tick                | -                      # medium is not repeated
        12:00  resolve A           | doctor close A over
        12:01  repeat A            | -
    """)


def test_high_and_unanswered_pages_again_after_two_minutes_and_the_next_tier_after_five() -> None:
    PagingStory(CALM).play("""
        10:00  raise A high        | doctor open A raised
        10:02  tick                | doctor open A:2 again
        10:05  tick                | senior open A next_tier
        10:07  tick                | doctor open A:3 again, senior open A:2 again
        10:09  resolve A           | doctor close A over, doctor close A:2 over, doctor close A:3 over, senior close A over, senior close A:2 over
        10:30  tick                | -
    """)


def test_an_acknowledgement_stops_the_repeats_and_informs_every_destination() -> None:
    PagingStory(CALM).play("""
        10:00  raise A high        | doctor open A raised
        10:01  ack A               | doctor acknowledge A acknowledged
        10:30  tick                | -
        10:31  update A high       | doctor update A updated
        11:00  resolve A           | doctor close A over
    """)


def test_a_worse_version_pages_again_with_a_key_of_its_own_after_the_old_level_is_closed() -> None:
    PagingStory(CALM).play("""
        10:00  raise A medium            | doctor open A raised
        10:10  update A high             | doctor close A superseded, doctor open A:2 worsened
        10:11  update A high grade 3     | doctor close A:2 superseded, doctor open A:g3 worsened
        10:12  ack A                     | doctor acknowledge A:g3 acknowledged
        10:40  update A high grade 4     | doctor close A:g3 superseded, doctor open A:g4 worsened
        10:41  update A high grade 3     | doctor update A:g4 eased
        10:41:30  resolve A              | doctor close A:g4 over
    """)


def test_a_snooze_stops_pages_until_a_worse_version_or_its_end() -> None:
    PagingStory(CALM).play("""
        10:00  raise A high              | doctor open A raised
        10:01  snooze A until 10:31      | doctor update A snoozed
        10:31  tick                      | doctor open A:2 snooze_ended
        10:32  snooze A until 10:50      | doctor update A:2 snoozed
        10:40  update A high grade 4     | doctor close A superseded, doctor close A:2 superseded, doctor open A:g4 worsened
        10:41  ack A                     | doctor acknowledge A:g4 acknowledged
        10:55  tick                      | -
    """)


def test_the_end_of_a_snooze_pages_once_by_the_clock_or_by_the_engine() -> None:
    PagingStory(CALM).play("""
        10:00  raise A medium            | doctor open A raised
        10:01  snooze A until 10:31      | doctor update A snoozed
        10:31  tick                      | doctor open A:2 snooze_ended     # medium too: the snooze was asked for
        10:31  update A medium           | doctor update A:2 updated        # the engine's version comes a moment later
        10:40  snooze A until 10:55      | doctor update A:2 snoozed
        10:55  update A medium           | doctor open A:3 snooze_ended     # and now a moment earlier
        10:56  tick                      | -
    """)


def test_an_alert_that_was_acknowledged_before_it_was_paged_pages_only_when_it_worsens() -> None:
    story = PagingStory(CALM)
    story.latest["A"] = AlertUpdate(
        "A", "somebody", 0, PublicAlert("A", 1, "raised", "escalation", "high", 2, story.at, "ref")
    )
    story.play("""
        10:00  ack A                     | -
        10:30  update A high grade 3     | doctor open A:g3 worsened
    """)
    assert "taken_on_before_told" in story.verdicts


def test_an_alert_that_is_over_before_it_was_paged_is_not_paged() -> None:
    story = PagingStory(CALM)
    story.latest["A"] = AlertUpdate(
        "A", "somebody", 0, PublicAlert("A", 1, "raised", "recovery", "low", 1, story.at, "ref")
    )
    story.play("10:00  resolve A  | -")
    assert story.verdicts == ["over_before_told"]
    story.play("10:00  repeat A   | -")


def test_the_fallback_of_a_dead_destination_is_paged_and_the_destination_gets_everything_later() -> None:
    story = PagingStory(CALM)
    story.play("""
        10:00  dead doctor               | -
        10:00  raise A high              | doctor open A raised
        10:00:30  raise B medium         | doctor open B raised
        10:01  tick                      | desk open A second, desk open dispatch-stuck-doctor-0-1772618460 raised
        10:02  tick                      | desk open A:2 second           # unacknowledged: repeated where pages are accepted
        10:03  ack A                     | doctor acknowledge A acknowledged, desk acknowledge A acknowledged, desk acknowledge A:2 acknowledged
        10:04  back doctor               | desk close dispatch-stuck-doctor-0-1772618460 over
        10:30  resolve A                 | doctor close A over, desk close A over, desk close A:2 over
    """)


def test_an_acknowledged_alert_does_not_go_to_the_fallback() -> None:
    PagingStory(CALM).play("""
        10:00     dead doctor            | -
        10:00     raise A high           | doctor open A raised
        10:00:30  ack A                  | doctor acknowledge A acknowledged      # on the board
        10:01     tick                   | desk open dispatch-stuck-doctor-0-1772618460 raised
        10:05     tick                   | -
    """)


def test_a_rejected_page_goes_to_the_fallback_with_a_technical_alarm() -> None:
    PagingStory(CALM).play("""
        10:00  refuses doctor            | -
        10:00  raise A medium            | doctor open A raised, desk open A second, desk open dispatch-refused-doctor-0-1772618400 raised
        10:05  resolve A                 | desk close A over
        10:10  tick                      | desk close dispatch-refused-doctor-0-1772618400 over
    """)


def test_a_rejected_repeat_leaves_the_first_incident_to_be_closed() -> None:
    PagingStory(CALM).play("""
        10:00  raise A high              | doctor open A raised
        10:01  refuses doctor            | -
        10:02  tick                      | doctor open A:2 again, desk open A second, desk open dispatch-refused-doctor-0-1772618520 raised
        10:03  back doctor               | -
        10:04  resolve A                 | doctor close A over, desk close A over
    """)


def test_a_removed_destination_is_not_paged_again() -> None:
    PagingStory(CALM).play("""
        10:00  gone doctor               | -
        10:00  raise A medium            | doctor open A raised, desk open A second, desk open dispatch-gone-doctor-0-1772618400 raised
        10:01  raise B medium            | desk open B raised
    """)


def test_more_than_ten_pages_in_ten_minutes_become_one_summary_and_high_is_never_held_back() -> None:
    story = PagingStory(CALM)
    first = "\n".join(f"10:00:{n:02}  raise A{n} medium | doctor open A{n} raised" for n in range(10))
    story.play(f"""
        {first}
        10:01     raise B high           | doctor open B raised
        10:01     ack B                  | doctor acknowledge B acknowledged
        10:02     raise C medium         | -
        10:02:01  raise D low            | -
        10:02:02  raise E medium         | -
        10:02:05  resolve E              | -      # over before the summary: not in it
    """)
    assert story.verdicts.count("held_flood") == 3
    story.happens(["tick"])
    assert story.sent == []
    story.at += timedelta(seconds=10)
    story.happens(["tick"])
    (sent,) = story.sent
    assert sent.startswith("doctor open summary-")
    summary = sent.split()[2]
    assert story.case(summary).alert.detail == "2 alerts: 1 onset, 1 step"
    story.sent.clear()
    story.play(f"""
        10:03     raise F medium         | -      # one summary in ten minutes
        10:04     update D high          | doctor open D worsened
        10:04:30  ack D                  | doctor acknowledge D acknowledged
        10:05     resolve C              | -
        10:06     resolve D              | doctor close D over, doctor close {summary} over
    """)
    story.at = story.at + timedelta(minutes=6, seconds=30)
    story.happens(["tick"])
    assert story.sent[0].startswith("doctor open summary-")


def test_pages_from_before_a_restart_count_for_the_flood_guard() -> None:
    story = PagingStory(CALM)
    story.play("\n".join(f"10:00:{n:02}  raise A{n} medium | doctor open A{n} raised" for n in range(10)))
    story.play("""
        10:01  restart                   | -
        10:02  raise B medium            | -
    """)
    assert "held_flood" in story.verdicts


def test_a_partition_without_heartbeat_is_an_alarm_until_all_have_one_again() -> None:
    policy = replace(DEFAULT, heartbeat_within=timedelta(seconds=90), system_alarm_to=("desk",))
    story = PagingStory(policy)
    story.paging.assigned(1, [], story.at)
    story.paging.assigned(2, [], story.at)
    story.play("""
        10:01     beat 0                 | -
        10:01     beat 1                 | -
        10:01:31  tick                   | desk open dispatch-heartbeat-2-1772618491 raised
        10:01:40  tick                   | -
        10:02:25  beat 1                 | -
        10:02:31  tick                   | desk update dispatch-heartbeat-2-1772618491 updated   # 0 is silent too
        10:02:40  beat 0                 | desk update dispatch-heartbeat-2-1772618491 updated
        10:02:41  beat 2                 | desk close dispatch-heartbeat-2-1772618491 over
    """)
    detail = story.case("dispatch-heartbeat-2-1772618491").alert.detail
    assert detail == "no heartbeat of partition 2: alerts may not be arriving, watch patients by hand"


def test_a_restart_sends_unconfirmed_pages_unchanged_and_none_twice() -> None:
    story = PagingStory(CALM)
    story.play("""
        10:00  raise A high              | doctor open A raised
        10:01  dead doctor               | -
        10:01  raise B medium            | doctor open B raised
        10:01  update B medium           | doctor update B updated
        10:01  restart                   | doctor open B raised, doctor update B updated
        10:01  repeat A                  | -
        10:01  repeat B                  | -
        10:01  back doctor               | -
        10:01:30  restart                | -
        10:02  tick                      | doctor open A:2 again            # the clock runs on across restarts
        10:03  ack A                     | doctor acknowledge A acknowledged, doctor acknowledge A:2 acknowledged
        10:04  resolve A                 | doctor close A over, doctor close A:2 over
        10:05  restart                   | -
        10:05  repeat A                  | -
    """)


def test_a_system_alarm_survives_a_restart_and_is_not_raised_twice() -> None:
    policy = replace(DEFAULT, heartbeat_within=timedelta(seconds=90), system_alarm_to=("desk",))
    PagingStory(policy).play("""
        10:01:31  tick                   | desk open dispatch-heartbeat-0-1772618491 raised
        10:02     restart                | -
        10:04     tick                   | -
        10:04     beat 0                 | desk close dispatch-heartbeat-0-1772618491 over
    """)


def test_rows_that_cannot_be_read_are_an_alarm_and_affect_no_other() -> None:
    story = PagingStory(CALM)
    story.play("""
        10:00  raise A medium            | doctor open A raised
        10:00  raise B medium            | doctor open B raised
    """)
    stored = StoredCases()
    for name, row in story.rows.items():
        stored.take(name.encode(), b"{" if name == "B" else row)
    assert (set(stored.cases), stored.unreadable) == ({b"A"}, {b"B"})
    story.execute(story.paging.rows_unreadable(0, len(stored.unreadable), story.at))
    assert story.sent == ["doctor open dispatch-forgot-0-0-1772618400 raised"]


def test_of_two_rows_the_one_with_the_later_version_counts() -> None:
    story = PagingStory(CALM)
    story.play("10:00  raise A medium | doctor open A raised")
    old = story.rows["A"]
    story.play("10:01  resolve A | doctor close A over")
    stored = StoredCases()
    for row in (old, story.rows["A"], old):  # the last one by a dispatcher that had lost the partition
        stored.take(b"A", row)
    assert stored.cases[b"A"].settled
    stored.take(b"A", None)
    assert stored.cases == {}


def test_a_destination_that_left_the_settings_is_left_out_after_a_restart() -> None:
    story = PagingStory(CALM)
    story.play("""
        10:00  dead doctor               | -
        10:00  raise A high              | doctor open A raised
    """)
    story.restart(replace(CALM, routing=Routing((("senior",),)), destinations=("senior",), fallback={}))
    assert story.sent == []
    story.play("""
        10:02  tick                      | senior open A again
        10:03  resolve A                 | senior close A over
    """)


def test_a_row_that_is_older_than_the_alerts_topic_is_deleted() -> None:
    story = PagingStory(CALM)
    story.play("""
        10:00  raise A medium            | doctor open A raised
        10:01  resolve A                 | doctor close A over
    """)
    story.at += timedelta(days=60)
    story.restart()
    assert "A" in story.rows
    story.at += timedelta(days=2)
    story.restart()
    assert story.rows == {}


def test_pages_to_a_dead_destination_are_dropped_long_after_the_close() -> None:
    story = PagingStory(CALM)
    story.play("""
        10:00  dead doctor               | -
        10:00  raise A medium            | doctor open A raised
        10:30  resolve A                 | doctor close A over
        11:30  tick                      | -
        11:31  back doctor               | -
    """)
    assert story.verdicts[-1] == "gave_up"
    assert story.queue == []
    assert story.case("A").settled


def test_cases_of_a_lost_partition_are_removed() -> None:
    story = PagingStory(CALM)
    story.play("10:00  raise A high | doctor open A raised")
    story.paging.revoked([0])
    assert story.paging.ticked(story.at + timedelta(minutes=10)) == []
    assert story.paging.find("A") is None
    story.play("10:01  restart | -")
    assert story.paging.find("A") is not None


def test_unit_and_kind_choose_the_route_and_an_unknown_unit_goes_to_the_default() -> None:
    routing = Routing(
        (("doctor",),),
        (RoutingRule((("desk",),), units=frozenset({"7A"})), RoutingRule((), kinds=frozenset({"onset"}))),
    )
    PagingStory(replace(CALM, routing=routing)).play("""
        10:00  raise A medium unit 7A    | desk open A raised
        10:00  raise B medium unit 8B    | doctor open B raised
        10:00  raise C medium            | doctor open C raised
        10:00  raise D low unit 8B       | -
        10:00  raise E high kind onset unit 8B | -
        10:10  tick                      | -      # an alert that is routed to nobody is not repeated either
    """)


@pytest.mark.parametrize(("seconds", "calls"), [(119, 0), (120, 1)])
def test_both_sides_of_two_minutes(seconds: int, calls: int) -> None:
    story = PagingStory(CALM)
    story.play("10:00  raise A high | doctor open A raised")
    story.execute(story.paging.ticked(story.at + timedelta(seconds=seconds)))
    assert len(story.sent) == calls


@pytest.mark.parametrize(("seconds", "calls"), [(299, 0), (300, 1)])
def test_both_sides_of_five_minutes(seconds: int, calls: int) -> None:
    story = PagingStory(replace(CALM, repeat_limit=0))
    story.play("10:00  raise A high | doctor open A raised")
    story.execute(story.paging.ticked(story.at + timedelta(seconds=seconds)))
    assert [page.split()[0] for page in story.sent] == ["senior"] * calls


def test_repeats_end_at_their_limit() -> None:
    story = PagingStory(replace(CALM, repeat_limit=3, routing=Routing((("senior",),))))
    story.play("10:00  raise A high | senior open A raised")
    for minute in range(1, 240):
        story.execute(story.paging.ticked(story.at + timedelta(minutes=minute)))
    assert sum(" again" in page for page in story.sent) == 3


def test_the_open_set_of_a_destination_is_what_it_accepted() -> None:
    story = PagingStory(CALM)
    story.play("""
        10:00  raise A medium            | doctor open A raised
        10:01  dead doctor               | -
        10:01  raise B medium            | doctor open B raised
    """)
    assert [page.key for page in story.paging.open_pages("doctor")] == ["A"]
    assert [page.key for page in story.paging.open_pages("doctor", {"B"})] == ["A", "B"]
    story.play("10:02  update A medium            | doctor update A updated      # still on its way")
    assert [page.key for page in story.paging.open_pages("doctor")] == ["A"]


def test_without_any_route_the_case_is_still_saved() -> None:
    paging = Paging(PagingPolicy(Routing(()), ()))
    at = datetime(2026, 3, 4, tzinfo=UTC)
    paging.assigned(0, [], at)
    update = AlertUpdate("A", "somebody", 0, PublicAlert("A", 1, "raised", "neuro", "high", 3, at, "ref"))
    assert [type(command).__name__ for command in paging.alert_updated(update, at)] == ["PagingVerdict", "SaveCase"]
