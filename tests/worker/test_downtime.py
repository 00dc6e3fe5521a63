"""After hours without a worker: the backlog is judged first, then only what is still true is raised, once each."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from agents.engine.log_time import Ticks
from agents.engine.partition import Partition
from agents.simulation.patients.bed_record import FAULTLESS, Cadence
from agents.simulation.patients.generator import ward
from monitor.guidelines import in_force
from monitor.record import row
from monitor.units import HOUR, MINUTE, SECOND, to_datetime
from tests.worker.records import BEGAN, LogRecord, event, tick

GUIDELINE = in_force.load("house")
DOWN_FROM, DOWN_TO = 30 * MINUTE, 30 * MINUTE + 6 * HOUR
Timed = tuple[int, dict[str, object]]  # log time in ms since BEGAN, event


def partition() -> Partition:
    return Partition(GUIDELINE, 0, "crs.patient-events")


def charted(minute: float, patient_id: str = "p1", **signals: object) -> Timed:
    at = to_datetime(BEGAN + round(minute * MINUTE)).isoformat()
    fields = {"type": "vitals", "event_id": f"{patient_id}@{minute}", "patient_id": patient_id, "source": "charted"}
    return round(minute * MINUTE), fields | {"effective_at": at, "received_at": at} | signals


def log_of(events: list[Timed], *, direct: bool) -> list[LogRecord]:
    """The log: ticks while a worker runs; what came while none ran, through intake afterwards or written directly."""
    written: list[tuple[int, bytes | None, dict[str, object]]] = []
    for at, fields in events:
        down = DOWN_FROM < at < DOWN_TO and not direct
        written.append((DOWN_TO + at // 1000 if down else at, str(fields["patient_id"]).encode(), fields))
    for second in [*range(0, DOWN_FROM, 10 * SECOND), *range(DOWN_TO, DOWN_TO + 3 * MINUTE, SECOND)]:
        written.append((second, None, {"type": "tick", "effective_at": to_datetime(BEGAN + second).isoformat()}))
    written.sort(key=lambda one: one[0])
    return [
        LogRecord(offset, BEGAN + at, key, json.dumps(fields).encode())
        for offset, (at, key, fields) in enumerate(written)
    ]


def alerts_after(records: list[LogRecord], one: Partition | None = None) -> list[tuple[str, str, str, bool]]:
    """Alerts after the worker came back: patient, kind, status, and whether the message says that it is late."""
    one = one or partition()
    return [
        (sent.alert.patient_id, sent.alert.kind, sent.alert.status, "Known late" in sent.alert.message)
        for sent in one.apply(records).alerts
        if sent.appended_ms >= BEGAN + DOWN_FROM
    ]


ROLLER_COASTER = [
    charted(1, temperature_celsius=38.6),
    charted(60, systolic_mmhg=84),
    charted(90, systolic_mmhg=120),
    charted(150, oxygen_device="bipap"),
    charted(200, oxygen_device="room_air", spo2_percent=97),
    charted(330, systolic_mmhg=82),
]


@pytest.mark.parametrize("direct", [False, True], ids=["through intake", "straight into the log"])
def test_only_what_is_still_true_is_raised_and_it_says_that_it_is_late(direct: bool) -> None:
    alerts = alerts_after(log_of(ROLLER_COASTER, direct=direct))
    raised = {kind: late for _, kind, status, late in alerts if status == "raised"}
    assert raised["escalation"] is True, "grade 2 of minute 330, known late"
    assert Counter(kind for _, kind, status, _ in alerts if status == "raised" and kind == "escalation") == {
        "escalation": 1
    }
    assert "recovery" not in raised, "grade 4 came and went: it is in the record, nobody is paged"


def test_the_record_holds_what_was_not_raised() -> None:
    one = partition()
    one.apply(log_of(ROLLER_COASTER, direct=False))
    assert one.state("p1").course.episode.peak == 4


def test_a_ward_of_patients_is_no_storm() -> None:
    """One message for one patient and kind, whatever six hours held."""
    start = datetime.fromtimestamp(BEGAN / 1000, UTC)
    cadence = Cadence(vitals_every_s=300, charted_every_s=900, mishaps=FAULTLESS)
    stays = ward(Random(11), 40, start, duration=timedelta(hours=6), cadence=cadence)
    events = [(round(datetime.fromisoformat(one["received_at"]).timestamp() * 1000) - BEGAN, one) for one in stays]
    alerts = alerts_after(log_of(events, direct=False))
    counts = Counter((patient, kind) for patient, kind, status, _ in alerts if status == "raised" and kind != "step")
    assert counts, "something is true of somebody"
    assert max(counts.values()) == 1
    per_patient = Counter(patient for patient, *_ in alerts)
    assert max(per_patient.values()) < 15


def test_nothing_is_raised_for_a_patient_who_is_well_again() -> None:
    events = [charted(1, temperature_celsius=36.8), charted(60, spo2_percent=84), charted(90, spo2_percent=97)]
    assert alerts_after(log_of(events, direct=False)) == []


def test_an_event_after_the_backlog_is_judged_at_once() -> None:
    back = DOWN_TO / MINUTE + 0.2
    records = log_of([*ROLLER_COASTER, charted(back, systolic_mmhg=66)], direct=False)
    one = partition()
    outcome = one.apply(records)
    escalation = next(
        sent for sent in outcome.alerts if sent.alert.kind == "escalation" and sent.alert.status == "raised"
    )
    assert escalation.alert.raised_at == to_datetime(BEGAN + round(back * MINUTE))


def test_a_crash_in_the_middle_of_catching_up_changes_nothing() -> None:
    records = log_of(ROLLER_COASTER, direct=False)
    straight = alerts_after(records)
    for cut in range(len(records) - 185, len(records), 9):
        one = partition()
        one.apply(records[:cut])
        rows = {patient: row.decode(row.encode(one.row(patient))) for patient in one}
        again = Partition(GUIDELINE, 0, "x", rows=rows, next_offset=one.next_offset, ticks=Ticks(*one.ticks))
        before = alerts_after(records[:cut])
        assert before + alerts_after(records[cut:], again) == straight


def test_a_short_pause_is_no_downtime() -> None:
    paused = Ticks().after(BEGAN).after(BEGAN + 2 * MINUTE)
    assert not paused.is_backlog(BEGAN + MINUTE, BEGAN + 2 * MINUTE)
    down = Ticks().after(BEGAN).after(BEGAN + 2 * MINUTE + 1)
    assert down.is_backlog(BEGAN + MINUTE, BEGAN + 3 * MINUTE)
    assert not down.is_backlog(BEGAN, BEGAN + 3 * MINUTE), "that was known while a worker was there"


def test_a_late_entry_is_no_backlog() -> None:
    """Charted at 09:00, true at 06:00: raised at once."""
    one = partition()
    outcome = one.apply([tick(0), event(1, "vitals", at=-3 * 3600, temperature_celsius=38.4)])
    assert [sent.alert.kind for sent in outcome.alerts][:1] == ["onset"]
