"""Acknowledgements and snoozes of one alert: the newest are remembered, so that a repeat of them changes nothing."""

from __future__ import annotations

from typing import Any

from monitor.alerts.acknowledge import MAX_ACK_EVENT_IDS
from monitor.model import OpenAlert
from tests.monitor.bed import Bed, iso


def onset_of(bed: Bed) -> OpenAlert:
    return next(alert for alert in bed.log.states["A"].alerts.open if alert.kind == "onset")


def test_the_newest_eight_answers_to_an_alert_are_remembered() -> None:
    bed = Bed()
    bed.vitals(60, source="charted", temperature_celsius=38.5, systolic_mmhg=120.0)
    alert_id = onset_of(bed).alert_id
    sent = []
    for number in range(11):
        snooze: dict[str, Any] = {"kind": "snooze", "alert_id": alert_id, "until": iso(90 + number)}
        assert bed.receive(61 + number, type="assessment", **snooze) == ["onset updated"]
        sent.append(bed.last_event_id)
    assert MAX_ACK_EVENT_IDS == 8
    assert onset_of(bed).ack_event_ids == tuple(sent[-8:])


def ask(bed: Bed, minute: float, **answer: Any) -> tuple[list[str], list[str]]:
    """What an answer to the onset's alert brings about: the messages, and the reasons of the verdicts on the answer."""
    before = dict(bed.log.verdicts)
    messages = bed.receive(minute, type="assessment", alert_id=onset_of(bed).alert_id, **answer)
    new = [reason for reason, count in bed.log.verdicts.items() if count > before.get(reason, 0)]
    return messages, [reason for reason in new if reason != "held_same_grade"]


def fever() -> Bed:
    bed = Bed()
    bed.vitals(60, source="charted", temperature_celsius=38.5, systolic_mmhg=120.0)
    return bed


def test_an_acknowledgement_says_by_whom_where_that_is_known() -> None:
    for by, text in (({}, ": acknowledged."), ({"by": "Nurse Okafor"}, ": acknowledged by Nurse Okafor.")):
        bed = fever()
        assert ask(bed, 61, kind="acknowledge", **by)[0] == ["onset updated"]
        assert bed.log.alerts["A"][-1].message.endswith(text)


def test_an_answered_alert_is_shown_as_updated() -> None:
    for answer in ({"kind": "acknowledge"}, {"kind": "snooze", "until": iso(90)}):
        bed = fever()
        assert onset_of(bed).status == "raised"
        ask(bed, 61, **answer)
        assert onset_of(bed).status == "updated"
        (shown,) = [alert for alert in bed.log.view("A").alerts if alert.kind == "onset"]
        assert shown.status == "updated"


def test_a_snooze_until_the_same_minute_again_is_a_duplicate() -> None:
    bed = fever()
    assert ask(bed, 61, kind="snooze", until=iso(90)) == (["onset updated"], ["snoozed"])
    before = onset_of(bed)
    assert ask(bed, 62, kind="snooze", until=iso(90)) == ([], ["duplicate"])
    assert onset_of(bed) == before


def test_a_snooze_that_is_over_when_it_arrives_silences_nothing() -> None:
    for until, expected in ((iso(70), ([], ["snooze_ended"])), (iso(70.1), (["onset updated"], ["snoozed"]))):
        bed = fever()
        assert ask(bed, 61, received=70, kind="snooze", until=until) == expected
        assert (onset_of(bed).snoozed_until is None) == (expected[0] == [])


def test_an_answer_entered_in_error_answers_nothing() -> None:
    bed = fever()
    before = bed.log.states["A"].alerts
    assert ask(bed, 61, kind="acknowledge", status="entered_in_error", replaces="E9")[0] == []
    assert bed.log.states["A"].alerts == before
