"""Restarts, ticks and other patients never change a patient's state or alerts."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.model import State
from monitor.record import row
from tests.bedside import Log
from tests.oracle import MINUTE
from tests.properties.records import Entry, end_of, play, records, shuffled


@given(st.data(), records())
def test_a_restart_between_any_two_events_changes_nothing(data: st.DataObject, entries: list[Entry]) -> None:
    arrived = data.draw(shuffled(entries))
    until = end_of(arrived) + 40 * MINUTE
    restarted, steady = play(arrived, until, Log(snapshots=True)), play(arrived, until)
    assert restarted.alerts == steady.alerts
    assert restarted.states == steady.states
    assert restarted.verdicts == steady.verdicts


@given(records())
def test_a_row_comes_back_as_it_was_written(entries: list[Entry]) -> None:
    state: State = play(entries, end_of(entries)).states["A"]
    written = row.Row(row.VERSION, 17, b"12345678", state)
    assert row.decode(row.encode(written)) == written


@settings(max_examples=25)
@given(records(hours=3))
def test_ticks_every_second_come_to_the_same_as_ticks_when_something_is_due(entries: list[Entry]) -> None:
    until = end_of(entries) + 40 * MINUTE
    every_second, when_due = play(entries, until, Log(tick_every_ms=1000)), play(entries, until)
    assert every_second.alerts == when_due.alerts
    assert every_second.states == when_due.states


@given(records(), records(patient_id="B"))
def test_other_patients_do_not_matter(entries: list[Entry], others: list[Entry]) -> None:
    until = end_of(entries, others)
    among_others = play(sorted([*entries, *others], key=lambda entry: entry.received_at), until)
    alone = play(entries, until)
    assert among_others.states["A"] == alone.states["A"]
    assert among_others.alerts["A"] == alone.alerts["A"]


@given(records())
def test_the_same_log_gives_the_same_alerts_under_the_same_ids(entries: list[Entry]) -> None:
    until = end_of(entries)
    first, second = play(entries, until), play(entries, until)
    assert first.alerts == second.alerts


@given(records())
def test_versions_of_an_alert_follow_one_another_and_end_once(entries: list[Entry]) -> None:
    log = play(entries, end_of(entries) + 120 * MINUTE)
    versions: dict[str, list[tuple[int, str]]] = {}
    for alert in log.alerts["A"]:
        versions.setdefault(alert.alert_id, []).append((alert.version, alert.status))
    for known in versions.values():
        assert [version for version, _ in known] == list(range(1, len(known) + 1))
        assert known[0][1] == "raised"
        over = [index for index, (_, status) in enumerate(known) if status in ("resolved", "retracted")]
        assert over in ([], [len(known) - 1])
    open_ids = {alert.alert_id for alert in log.states["A"].alerts.open}
    assert open_ids == {name for name, known in versions.items() if known[-1][1] not in ("resolved", "retracted")}


@given(records(), st.integers(1, 600))
def test_a_clock_between_two_whole_seconds_leaves_no_overdue_timer(entries: list[Entry], shift_ms: int) -> None:
    shifted = [replace(e, received_at=e.received_at + shift_ms) for e in entries]
    log = play(shifted, end_of(shifted) + 40 * MINUTE)
    assert log.states["A"].due_at is None or log.states["A"].due_at > log.at
