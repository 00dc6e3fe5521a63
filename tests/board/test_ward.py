"""The ward in memory: the newest version counts in any order of arrival, and patients who left are removed."""

from __future__ import annotations

from datetime import timedelta

from agents.board.ward import BoardWard
from schemas.alerts import Alert
from tests.board.judged_ward import (
    PATIENT,
    alert_id,
    answer,
    apply_messages,
    arrival,
    at,
    card_content,
    context,
    event,
    fever,
    published,
    vitals,
    ward_of,
)

STORY = [
    arrival(),
    vitals("08:30", oxygen_device="room_air", spo2_percent=97, systolic_mmhg=120),
    fever("09:00", 38.6),
    vitals("09:10", systolic_mmhg=84),
]


def states(messages: list) -> list:  # type: ignore[type-arg]
    return [message for message in messages if message.kind == "state"]


def alerts(messages: list) -> list:  # type: ignore[type-arg]
    return [message for message in messages if message.kind == "alert"]


def test_states_and_alerts_come_to_the_same_in_any_order_of_the_two_topics() -> None:
    messages = published(STORY)
    expected = card_content(apply_messages(BoardWard(), messages), "09:15")
    assert card_content(apply_messages(BoardWard(), [*alerts(messages), *states(messages)]), "09:15") == expected
    assert card_content(apply_messages(BoardWard(), [*states(messages), *alerts(messages)]), "09:15") == expected
    assert all(one["message"] for one in expected["alerts"])


def test_an_alert_is_shown_before_the_state_that_lists_it() -> None:
    messages = published(STORY)
    last_state = messages.index(states(messages)[-1])
    ward = apply_messages(BoardWard(), messages[:last_state])
    assert alert_id(ward, "escalation")
    assert ward.patients[PATIENT].state.grade == 1


def test_an_alert_whose_times_look_older_than_the_state_is_not_lost() -> None:
    # The feed says 09:10, the clock of the log has gone on to 09:12: only the offset says what the state knows.
    messages = published(STORY)
    escalation = next(one for one in alerts(messages) if b'"escalation"' in one.value)
    before = states(messages[: messages.index(escalation)])[-1]
    clock_went_on = before.state.model_copy(update={"as_of": at("09:12")})
    ward = BoardWard()
    ward.apply_state(0, b"p-1", clock_went_on.model_dump_json().encode(), at("09:12"))
    ward.apply_alert(escalation.value, int(escalation.headers["log_offset"] or 0))
    assert alert_id(ward, "escalation")


def test_an_older_state_changes_nothing() -> None:
    messages = published(STORY)
    ward = apply_messages(BoardWard(), messages)
    apply_messages(ward, states(messages)[:1])
    assert ward.patients[PATIENT].state.grade == 2


def test_alerts_that_are_over_are_neither_shown_nor_kept() -> None:
    better = [vitals(f"{hour}:{minute}", systolic_mmhg=125) for hour in ("09", "10") for minute in (30, 45)]
    messages = published([*STORY, *better])
    over = {alert.alert_id for alert in map(alert_of, alerts(messages)) if alert.status == "resolved"}
    assert over
    ward = apply_messages(BoardWard(), messages)
    apply_messages(ward, alerts(messages))  # read again for their words
    assert over.isdisjoint({brief.alert_id for brief, _ in ward.patients[PATIENT].open_alerts()})
    assert over.isdisjoint(ward.patients[PATIENT].alert_versions)


def alert_of(message) -> Alert:  # type: ignore[no-untyped-def]
    return Alert.model_validate_json(message.value)


def test_a_board_that_starts_late_has_titles_and_then_finds_the_messages() -> None:
    messages = published(STORY)
    ward = apply_messages(BoardWard(), states(messages)[-1:])
    assert [one["message"] for one in card_content(ward, "09:15")["alerts"]] == [None] * len(
        card_content(ward, "09:15")["alerts"]
    )
    assert {brief.kind for _, brief in ward.missing_text()} == {
        one["kind"] for one in card_content(ward, "09:15")["alerts"]
    }
    apply_messages(ward, alerts(messages))
    assert list(ward.missing_text()) == []


def test_an_acknowledgement_that_is_read_first_does_not_hide_the_message() -> None:
    seen = answer("09:20", "acknowledge", alert_id(ward_of(*STORY), "escalation"), by="Nurse Okafor")
    messages = published([*STORY, seen])
    ward = apply_messages(apply_messages(BoardWard(), states(messages)[-1:]), list(reversed(alerts(messages))))
    assert card_content(ward, "09:21") == card_content(apply_messages(BoardWard(), messages), "09:21")


def test_a_discharged_patient_is_removed_after_a_day() -> None:
    ward = ward_of(*STORY, context("10:00", status="discharged"))
    assert ward.patients[PATIENT].has_left
    ward.remove_departed(at("10:00") + timedelta(hours=24))
    assert PATIENT in ward.patients
    ward.changed.clear()
    ward.remove_departed(at("10:00") + timedelta(hours=24, seconds=1))
    assert PATIENT not in ward.patients
    assert ward.changed == {PATIENT}


def test_a_merged_patient_is_removed_too() -> None:
    ward = ward_of(*STORY, context("10:00", merged_into="p-2"))
    assert ward.patients[PATIENT].has_left
    assert card_content(ward, "10:01")["goes_on_as"]
    assert not ward.patients["p-2"].has_left
    assert ward.patients["p-2"].state.grade == 2


def test_a_patient_who_was_not_discharged_stays_for_a_month_without_data() -> None:
    ward = ward_of(*STORY)
    ward.remove_departed(at("09:10") + timedelta(days=29))
    assert PATIENT in ward.patients
    ward.remove_departed(at("09:10") + timedelta(days=31))
    assert ward.patients == {}


def test_a_patient_who_left_long_ago_is_not_added() -> None:
    messages = states(published([*STORY, context("10:00", status="discharged")]))
    ward = BoardWard()
    ward.apply_state(0, b"p-1", messages[-1].value, at("10:00") + timedelta(days=3))
    assert ward.patients == {}


def test_a_tombstone_removes_the_patient() -> None:
    ward = ward_of(*STORY)
    ward.apply_state(0, b"p-1", None, at("09:20"))
    assert ward.patients == {}


def test_unreadable_messages_are_counted_and_change_nothing() -> None:
    ward = ward_of(*STORY)
    before = card_content(ward, "09:15")
    for value in (b"", b"no json", b"{}", b'{"patient_id": "p-1"}'):
        ward.apply_state(0, b"p-1", value, at("09:20"))
        ward.apply_alert(value, 99)
    assert ward.unreadable == 8
    assert card_content(ward, "09:15") == before


def test_alerts_of_a_patient_without_a_state_are_dropped_after_a_day() -> None:
    messages = alerts(published(STORY))
    ward = apply_messages(BoardWard(), messages)
    ward.remove_departed(at("09:10") + timedelta(hours=25))
    apply_messages(ward, states(published([*STORY, event("vitals", "09:30") | {"heart_rate_per_min": 80}]))[-1:])
    assert list(ward.missing_text())
