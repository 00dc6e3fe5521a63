"""The checker finds and names every kind of damage to live data, and reports none for correct data."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from agents.engine.changelog import MARKER, Marker
from agents.engine.partition import next_digest
from agents.verify.findings import Findings
from agents.verify.live_partition import decode_row
from agents.verify.reader import StoredRecord
from agents.verify.report import summary
from agents.verify.verification import Verification
from monitor.model import Course
from monitor.record import row
from schemas import topics
from tests.verify.installation import (
    ALERTS,
    HOUSE,
    LETTERS,
    LOG,
    SETTINGS,
    STATES,
    Installation,
    a_day_on_the_ward,
    name_of,
)

ROWS = SETTINGS.changelog


@pytest.fixture(scope="module")
def day() -> Installation:
    return a_day_on_the_ward()


@pytest.fixture
def ward(day: Installation) -> Installation:
    return copy.deepcopy(day)


def is_row(record: StoredRecord) -> bool:
    return record.key not in (None, MARKER)


def last_row(installation: Installation, wanted: Callable[[StoredRecord], bool] = is_row) -> StoredRecord:
    """The last row of the first patient whose last row matches."""
    for partition in range(SETTINGS.partitions):
        newest = {r.key: r for r in installation.topics.records[ROWS, partition] if is_row(r)}
        for record in newest.values():
            if wanted(record):
                return record
    raise AssertionError("no such row")


def same(record: StoredRecord) -> Callable[[StoredRecord], bool]:
    return lambda other: (other.offset, other.key, other.value) == (record.offset, record.key, record.value)


def altered(record: StoredRecord, change: Callable[[row.Row], row.Row]) -> StoredRecord:
    one = decode_row(record.value or b"")
    assert one is not None
    return record._replace(value=row.encode(change(one)))


def only(findings: Findings, *kinds: str) -> None:
    assert set(findings.breaches) == set(kinds), findings
    assert not findings.ok
    assert findings.first is not None


# ---- correct data


def test_a_worker_without_faults_passes(ward: Installation) -> None:
    findings = ward.verify()
    assert findings.ok, findings
    assert findings.alerts > 30
    assert findings.dispositions["forwarded"] > 0, "the simulated day has a merge"
    assert sum(findings.dispositions.values()) == findings.events, "each offset has one disposition"


def test_an_alert_published_twice_with_the_same_bytes_is_harmless(ward: Installation) -> None:
    again = ward.topics.records[ALERTS, 0][-3:]
    for record in again:
        ward.topics.append(ALERTS, 0, record.key, record.value, ward.at, record.headers)
    findings = ward.verify()
    assert findings.ok, findings
    assert findings.repeats == 3


def test_a_worker_that_died_before_writing_rows_publishes_again_and_passes(ward: Installation) -> None:
    ward.tick(7200)
    ward.work(write_rows=False)
    ward.tick()
    for partition in range(SETTINGS.partitions):
        ward.die(partition)
    ward.work()
    findings = ward.verify()
    assert findings.ok, findings
    assert findings.repeats > 0, "the alerts of two hours without data are published twice"


def test_rows_written_without_their_marker_are_compared_at_their_own_offset(ward: Installation) -> None:
    ward.tick(7200)
    before = {p: shard.next_offset for p, shard in ward.shards.items()}
    ward.work(write_rows=False)
    for partition, shard in ward.shards.items():
        ahead = [p for p in shard if shard.positions[p].log_offset >= before[partition]]
        for patient_id in ahead[:1]:
            ward.topics.append(
                ROWS, partition, patient_id.encode(), row.encode(shard.row(patient_id)), ward.at, [("epoch", b"1")]
            )
        ward.die(partition)
    findings = ward.verify()
    assert set(findings.breaches) == {"marker_behind"}, findings
    ward.work()
    assert ward.verify().ok


def test_heartbeats_are_no_alerts(ward: Installation) -> None:
    ward.topics.append(ALERTS, 1, None, b'{"heartbeat": 1}', ward.at, [("kind", b"heartbeat")])
    assert ward.verify().ok


def test_alerts_of_records_beyond_the_marker_are_checked_too(ward: Installation) -> None:
    ward.tick(7200)
    ward.work(write_rows=False)
    findings = ward.verify()
    assert set(findings.breaches) == {"marker_behind"}, findings


# ---- alerts


def test_a_missing_alert_is_found(ward: Installation) -> None:
    gone = ward.topics.drop(ALERTS, lambda record: b'"escalation"' in (record.value or b""))
    findings = ward.verify()
    only(findings, "alert_missing")
    assert findings.first is not None
    assert findings.first.log_offset == int(gone.header("log_offset") or b"")


def test_a_phantom_alert_is_found(ward: Installation) -> None:
    record = ward.topics.records[ALERTS, 0][-1]
    changed = json.loads(record.value or b"") | {"alert_id": "foreign"}
    ward.topics.append(ALERTS, 0, record.key, json.dumps(changed).encode(), ward.at, record.headers)
    only(ward.verify(), "alert_phantom")


def test_a_phantom_beyond_the_marker_is_found(ward: Installation) -> None:
    record = ward.topics.records[ALERTS, 0][-1]
    headers = [("log_partition", b"0"), ("log_offset", b"99999999")]
    ward.topics.append(ALERTS, 0, record.key, record.value, ward.at, headers)
    only(ward.verify(), "alert_phantom")


def test_an_altered_alert_is_reported_once(ward: Installation) -> None:
    ward.topics.change(
        ALERTS,
        lambda record: b'"priority":"high"' in (record.value or b""),
        lambda record: record._replace(value=(record.value or b"").replace(b'"priority":"high"', b'"priority":"low"')),
    )
    findings = ward.verify()
    only(findings, "alert_altered")
    assert sum(findings.breaches.values()) == 1


def test_an_alert_that_names_the_wrong_cause_is_found(ward: Installation) -> None:
    ward.topics.change(
        ALERTS,
        lambda record: b'"onset"' in (record.value or b""),
        lambda record: record._replace(headers=tuple((n, b"0" if n == "log_offset" else v) for n, v in record.headers)),
    )
    findings = ward.verify()
    assert findings.breaches["alert_altered"] == 1


def test_an_alert_in_the_partition_of_another_is_found(ward: Installation) -> None:
    record = ward.topics.drop(ALERTS, lambda record: record.header("log_partition") == b"0")
    ward.topics.append(ALERTS, 1, record.key, record.value, ward.at, record.headers)
    only(ward.verify(), "alert_missing", "alert_phantom")


def test_versions_in_the_wrong_order_are_found(ward: Installation) -> None:
    records = ward.topics.records[ALERTS, 0]
    later = next(r for r in records if b'"version":2' in (r.value or b""))
    alert_id = json.loads(later.value or b"")["alert_id"]
    earlier = next(r for r in records if json.loads(r.value or b"")["alert_id"] == alert_id)
    places = records.index(earlier), records.index(later)
    records[places[0]] = later._replace(offset=earlier.offset)
    records[places[1]] = earlier._replace(offset=later.offset)
    only(ward.verify(), "alert_out_of_order")


def test_bytes_that_are_no_alert_are_found(ward: Installation) -> None:
    ward.topics.append(ALERTS, 0, b"x", b"hello", ward.at)
    only(ward.verify(), "alert_phantom")


# ---- rows


def with_grade_0(course: Course) -> Course:
    """The course with no grade by the profile in force."""
    return course._replace(grades=(course.held._replace(grade=0), *course.grades[1:]))


def test_a_wrong_row_is_found_and_the_field_is_named_without_its_value(ward: Installation) -> None:
    target = last_row(ward, lambda r: is_row(r) and (decode_row(r.value or b"") or 0).state.course.held.grade > 0)  # type: ignore[union-attr]
    wrong = altered(
        target,
        lambda one: one._replace(state=one.state._replace(course=with_grade_0(one.state.course))),
    )
    ward.topics.change(ROWS, same(target), lambda _: wrong)
    findings = ward.verify()
    only(findings, "row_differs")
    report = summary(ward.run, 0.0, show=False)
    assert report["first"]["detail"] == "first difference: state.course.grades[0].grade"
    patient = (target.key or b"").decode()
    assert patient not in json.dumps(report)
    assert patient in json.dumps(summary(ward.run, 0.0, show=True))


def test_a_missing_row_is_found(ward: Installation) -> None:
    target = last_row(ward)
    for partition in range(SETTINGS.partitions):
        records = ward.topics.records[ROWS, partition]
        records[:] = [record for record in records if record.key != target.key]
    only(ward.verify(), "row_missing")


def test_a_row_of_an_unknown_patient_is_found(ward: Installation) -> None:
    target = last_row(ward)
    records = ward.topics.records[ROWS, 0]
    marker = records.pop()
    ward.topics.ends[ROWS, 0] -= 1
    ward.topics.append(ROWS, 0, b"nobody", target.value, ward.at, target.headers)
    ward.topics.append(ROWS, 0, marker.key, marker.value, ward.at, marker.headers)
    only(ward.verify(), "row_phantom")


def test_a_row_that_cannot_be_read_is_found(ward: Installation) -> None:
    target = last_row(ward)
    ward.topics.change(ROWS, same(target), lambda record: record._replace(value=b"\x00"))
    only(ward.verify(), "row_unreadable")


def test_an_event_applied_twice_shows_in_the_digest(ward: Installation) -> None:
    target = last_row(ward)
    twice = altered(target, lambda one: one._replace(digest=next_digest(one.digest, one.log_offset, "again")))
    ward.topics.change(ROWS, same(target), lambda _: twice)
    findings = ward.verify()
    only(findings, "row_differs")
    assert findings.first is not None
    assert findings.first.detail == "first difference: digest"


def test_an_event_that_the_worker_skipped_is_found(ward: Installation) -> None:
    """A record below the marker that was not applied shows in the rows."""
    vitals = {
        "type": "vitals",
        "event_id": "skipped-1",
        "patient_id": "sim-00003-1",
        "effective_at": "2026-03-02T21:00:00+00:00",
        "spo2_percent": 97,
    }
    ward.send(vitals)
    for partition, shard in ward.shards.items():
        shard.next_offset = ward.topics.ends[LOG, partition]
        ward.write_rows(partition, ())
    findings = ward.verify()
    assert findings.breaches["row_differs"] + findings.breaches["row_missing"] == 1, findings


def test_rows_of_a_worker_that_lost_its_partition_are_ignored(ward: Installation) -> None:
    """Its epoch is older, so neither the next worker nor the checker reads these rows."""
    target = last_row(ward)
    partition = next(p for p in range(2) if target in ward.topics.records[ROWS, p])
    ward.die(partition)
    ward.topics.append(ROWS, partition, target.key, b"old", ward.at, [("epoch", b"1")])
    ward.tick()
    ward.work()
    assert ward.verify().ok


# ---- the marker


def test_a_marker_that_stays_behind_is_found_and_the_lag_reported(ward: Installation) -> None:
    ward.tick()
    ward.tick()
    findings = ward.verify()
    only(findings, "marker_behind")
    assert findings.lag == 2 * SETTINGS.partitions


def test_a_marker_beyond_the_log_is_found(ward: Installation) -> None:
    ward.shards[0].next_offset += 5
    ward.write_rows(0, ())
    only(ward.verify(), "marker_ahead")


def test_the_checker_waits_until_the_workers_have_caught_up(ward: Installation) -> None:
    ward.tick()
    pauses = []

    def pause(_: float) -> None:
        pauses.append(1)
        if len(pauses) == 3:
            ward.work()

    findings = Verification(ward.topics, SETTINGS, HOUSE, 30.0, pause=pause).run()
    assert findings.ok
    assert len(pauses) == 3


# ---- states


def test_a_published_state_that_differs_from_the_replay_is_found(ward: Installation) -> None:
    newest = {r.key: r for r in ward.topics.records[STATES, 0]}
    target = next(iter(newest.values()))
    changed = json.loads(target.value or b"") | {"peak_grade": 4}
    text = json.dumps(changed).encode()
    ward.topics.change(STATES, same(target), lambda record: record._replace(value=text))
    findings = ward.verify()
    only(findings, "state_differs")


def test_a_state_older_than_the_last_change_is_found(ward: Installation) -> None:
    records = ward.topics.records[STATES, 0]
    key = records[-1].key
    records[:] = [r for r in records if r.key != key or r is next(x for x in records if x.key == key)]
    only(ward.verify(), "state_outdated")


def test_a_patient_who_was_never_published_is_found(ward: Installation) -> None:
    records = ward.topics.records[STATES, 0]
    key = records[-1].key
    records[:] = [r for r in records if r.key != key]
    only(ward.verify(), "state_missing")


# ---- feeds and dead letters


def test_an_event_that_intake_lost_is_found(ward: Installation) -> None:
    value = b'{"event_id": "lost", "patient_id": "p", "effective_at": "2026-03-02T21:00:00Z", "spo2_percent": 97}'
    ward.topics.append(name_of(topics.VITALS), 1, b"p", value, ward.at)
    findings = ward.verify()
    only(findings, "event_lost")
    assert findings.first is not None
    assert (findings.first.topic, findings.first.partition, findings.first.offset) == ("test.vitals", 1, 0)


def test_an_event_that_intake_has_not_taken_yet_is_lag(ward: Installation) -> None:
    value = b'{"event_id": "soon", "patient_id": "p", "effective_at": "2026-03-02T21:00:00Z", "spo2_percent": 97}'
    ward.topics.append(name_of(topics.VITALS), 1, b"p", value, ward.at)
    ward.topics.offsets[name_of(topics.VITALS), 1] = 0
    findings = ward.verify()
    assert not findings.ok
    assert (findings.lag, dict(findings.breaches)) == (1, {})


def test_a_record_that_a_merge_forwarded_must_be_in_the_log(ward: Installation) -> None:
    story = next(r for p in range(2) for r in ward.topics.records[LOG, p] if b'"story"' in (r.value or b""))
    ward.topics.change(LOG, same(story), lambda record: record._replace(value=b"{}"))
    assert ward.verify().breaches["event_lost"] == 1


def test_a_refused_message_without_its_dead_letter_is_found(ward: Installation) -> None:
    ward.topics.drop(LETTERS, lambda record: b'"not_json"' in (record.value or b""))
    findings = ward.verify()
    only(findings, "letter_missing")


def test_a_dead_letter_for_a_good_event_is_found(ward: Installation) -> None:
    letter = next(r for r in ward.topics.records[LETTERS, 0])
    changed = json.loads(letter.value or b"") | {"topic": "test.vitals", "partition": 0, "offset": 1}
    ward.topics.append(LETTERS, 0, None, json.dumps(changed).encode(), ward.at)
    only(ward.verify(), "letter_phantom")


def test_a_ledger_is_checked_line_by_line(ward: Installation, tmp_path: Path) -> None:
    ledger = tmp_path / "ledger.ndjson"
    records = ward.topics.records[name_of(topics.VITALS), 0]
    lines = [
        {
            "event_id": json.loads(r.value or b"")["event_id"],
            "topic": "test.vitals",
            "partition": 0,
            "offset": r.offset,
        }
        for r in records[:10]
    ]
    ledger.write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert ward.verify(ledger_file=ledger).ok
    lines[3]["event_id"] = "another"
    ledger.write_text("".join(json.dumps(line) + "\n" for line in lines))
    only(ward.verify(ledger_file=ledger), "ledger_differs")


# ---- after retention


def test_after_retention_patients_who_cannot_be_checked_are_counted(ward: Installation) -> None:
    for partition in range(SETTINGS.partitions):
        ward.topics.begins[LOG, partition] = 200
    findings = ward.verify()
    assert findings.cut
    assert findings.unverified > 0
    assert not findings.ok
    assert not findings.breaches, findings


def test_after_retention_a_patient_who_came_later_is_still_checked(ward: Installation) -> None:
    for partition in range(SETTINGS.partitions):
        ward.topics.begins[LOG, partition] = ward.topics.ends[LOG, partition]
    ward.topics.begins[name_of(topics.VITALS), 0] = 10_000
    for number, value in enumerate((38.6, 38.7)):
        ward.tick()
        ward.send(
            {
                "type": "vitals",
                "event_id": f"new-{number}",
                "patient_id": "newcomer",
                "effective_at": "2026-03-03T21:00:00+00:00",
                "temperature_celsius": value,
                "source": "charted",
            }
        )
    ward.work()
    before = ward.verify()
    assert not before.breaches, before
    ward.topics.drop(ALERTS, lambda record: record.key == b"newcomer")
    assert ward.verify().breaches["alert_missing"] == 1


def test_the_first_breach_is_shown_with_its_neighbours(ward: Installation) -> None:
    ward.topics.drop(ALERTS, lambda record: b'"escalation"' in (record.value or b""))
    ward.verify()
    report = summary(ward.run, 0.0, show=False)["first"]
    around = [one["offset"] for one in report["neighbours"]]
    assert report["log_offset"] in around
    assert len(around) > 1


def test_a_claim_of_a_partition_is_a_marker_too(ward: Installation) -> None:
    assert Marker(3, 2) == Marker(next_offset=3, epoch=2)
    ward.die(0)
    assert ward.verify().ok
