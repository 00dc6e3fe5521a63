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
