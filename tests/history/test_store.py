"""The history in a real database: a repeat changes nothing, late and corrected data rewrites rows."""

from __future__ import annotations

import random
from itertools import pairwise
from typing import Any

import pytest

from agents.history.store import Store
from agents.history.tables import ALERTS, DOSES, EPISODES, METADATA, PATIENTS, STATE_CHANGES, VITALS
from agents.platform.errors import UserError
from tests.history.database_contents import all_rows, rows, write
from tests.history.topic_messages import fever, given, published, started, vitals, ward_events

WARD = published(ward_events(seed=11, count=900))


def test_a_ward_fills_every_table(store: Store) -> None:
    write(store, WARD)
    filled = all_rows(store.engine)
    assert {name for name, found in filled.items() if found} == set(filled) - {"origins", "positions"}
    alerts = {(m.state.patient_id) for m in WARD if m.kind == "state"}
    assert {row.patient_id for row in rows(store.engine, PATIENTS)} == alerts
    assert len(rows(store.engine, ALERTS)) == sum(m.kind == "alert" for m in WARD)


def test_only_clinical_changes_have_rows(store: Store) -> None:
    messages = published([fever("10:00", 38.4), fever("10:05", 38.5), fever("10:10", 38.6)])
    write(store, messages)
    changes = rows(store.engine, STATE_CHANGES)
    assert [(row.grade, row.episode) for row in changes] == [(1, 1)]
    assert [row.value for row in rows(store.engine, VITALS)] == [38.4, 38.5, 38.6]


@pytest.mark.parametrize("batch", [*(pytest.param(size, marks=pytest.mark.slow) for size in (1, 7)), 10_000])
def test_writing_twice_changes_nothing_whatever_the_batches(store: Store, batch: int) -> None:
    write(store, WARD, batch)
    once = all_rows(store.engine)
    write(store, WARD, 13)
    assert all_rows(store.engine) == once


def test_a_restart_in_the_middle_reads_again_and_changes_nothing(store: Store) -> None:
    """The database had committed, Kafka had not: the batch comes again, and then what follows."""
    write(store, WARD)
    straight = all_rows(store.engine)
    with store.engine.begin() as connection:
        for table in METADATA.sorted_tables:
            connection.execute(table.delete())
    dice = random.Random(5)
    at = 0
    while at < len(WARD):
        write(store, WARD[at : at + 120], 17)
        at += dice.choice((120, 60, 0, 120))
    assert all_rows(store.engine) == straight


def test_an_older_state_after_a_newer_one_is_skipped(store: Store) -> None:
    messages = [m for m in WARD if m.kind == "state"]
    write(store, messages)
    straight = all_rows(store.engine)
    write(store, list(reversed(messages)), 1)
    assert all_rows(store.engine) == straight


def test_both_databases_hold_the_same(store: Store) -> None:
    """Each is compared with the states."""
    write(store, WARD)
    last = {m.patient_id: m.state for m in WARD if m.kind == "state"}
    for row in rows(store.engine, PATIENTS):
        state = last[row.patient_id]
        assert (row.grade, row.astct_grade, row.episode, row.onset_at) == (
            state.grade,
            state.astct_grade,
            state.episode,
            state.onset_at,
        )
        assert row.log_offset == state.log_offset
    listed = {(patient_id, dose.event_id) for patient_id, state in last.items() for dose in state.doses}
    standing = {(row.patient_id, row.event_id) for row in rows(store.engine, DOSES) if row.withdrawn_at is None}
    assert listed <= standing
    latest = {
        (patient_id, signal, reading.effective_at)
        for patient_id, state in last.items()
        for signal, reading in state.latest.items()
    }
    assert latest <= {(row.patient_id, row.signal, row.effective_at) for row in rows(store.engine, VITALS)}


def test_a_late_fever_moves_the_onset_and_supersedes_the_grade(store: Store) -> None:
    write(store, published([fever("10:00", 38.4), fever("09:10@10:20", 38.6)]))
    (episode,) = rows(store.engine, EPISODES)
    assert episode.onset_at.isoformat() == "2026-05-01T09:10:00+00:00"
    before, after = rows(store.engine, STATE_CHANGES)
    assert before.superseded_by == after.log_offset
    assert after.superseded_by is None
    assert after.effective_at.isoformat() == "2026-05-01T09:10:00+00:00"


def test_rows_that_are_not_superseded_are_one_timeline(store: Store) -> None:
    """The rows that are not superseded hold from bedside times that only increase."""
    write(store, WARD)
    changes = rows(store.engine, STATE_CHANGES)
    assert any(row.superseded_by is not None for row in changes)
    standing: dict[str, list[Any]] = {}
    for row in sorted(changes, key=lambda row: row.log_offset):
        if row.superseded_by is None:
            standing.setdefault(row.patient_id, []).append(row.effective_at)
    for times in standing.values():
        assert all(before < after for before, after in pairwise(times))
    last = {m.patient_id: m.state for m in WARD if m.kind == "state"}
    newest = {row.patient_id: row for row in sorted(changes, key=lambda row: row.log_offset)}
    assert {patient_id: row.grade for patient_id, row in newest.items()} == {
        patient_id: state.grade for patient_id, state in last.items()
    }


def test_a_dose_charted_late_has_its_bedside_time(store: Store) -> None:
    write(store, published([fever("08:00", 38.6), given("06:00@09:00", "tocilizumab", 560)]))
    (dose,) = rows(store.engine, DOSES)
    assert (dose.drug, dose.effective_at.hour, dose.withdrawn_at) == ("tocilizumab", 6, None)


def test_a_dose_charted_in_error_is_marked_withdrawn(store: Store) -> None:
    dose = given("10:30", "tocilizumab", 560)
    void = dose | {"event_id": "void-1", "replaces": dose["event_id"], "status": "entered_in_error"}
    write(store, published([fever("10:00", 38.6), dose, void | {"received_at": "2026-05-01T11:00:00+00:00"}]))
    (row,) = rows(store.engine, DOSES)
    assert row.withdrawn_at is not None
    assert row.withdrawn_at.isoformat() == "2026-05-01T11:00:00+00:00"


def test_a_corrected_dose_replaces_the_wrong_one(store: Store) -> None:
    dose = given("10:30", "tocilizumab", 5600)
    right = dose | {"event_id": "right-1", "replaces": dose["event_id"], "dose": 560}
    write(store, published([fever("10:00", 38.6), dose, right]))
    standing = [row for row in rows(store.engine, DOSES) if row.withdrawn_at is None]
    assert [(row.event_id, row.dose_mg) for row in standing] == [("right-1", 560)]


def test_a_reading_entered_in_error_is_removed(store: Store) -> None:
    wrong = fever("10:10", 40.9)
    void = wrong | {"event_id": "void-1", "replaces": wrong["event_id"], "status": "entered_in_error"}
    write(store, published([fever("10:00", 38.1), wrong, void]), 1)
    assert [row.value for row in rows(store.engine, VITALS)] == [38.1]


def test_infusions_and_oxygen_are_written_as_text(store: Store) -> None:
    events = [
        fever("10:00", 38.6),
        vitals("10:05", spo2_percent=93, oxygen_device="nasal_cannula", oxygen_flow_l_per_min=4),
        started("10:10", "norepinephrine", 12),
    ]
    write(store, published(events))
    last = rows(store.engine, STATE_CHANGES)[-1]
    assert (last.infusions, last.oxygen) == ("norepinephrine 12 mcg/min", "nasal cannula 4 L/min")


def test_every_version_of_an_alert_is_kept_with_what_it_rested_on(store: Store) -> None:
    write(store, WARD)
    found = rows(store.engine, ALERTS)
    assert {row.version for row in found} >= {1, 2}
    assert any(row.evidence and row.evidence[0]["signal"] for row in found)
    assert all(row.log_offset is not None and row.log_appended_at is not None for row in found)


def test_a_patient_keeps_a_reference_that_discloses_nothing(store: Store) -> None:
    write(store, WARD[:300])
    first = {row.patient_id: row.reference for row in rows(store.engine, PATIENTS)}
    write(store, WARD)
    later = {row.patient_id: row.reference for row in rows(store.engine, PATIENTS)}
    assert first.items() <= later.items()
    assert len(set(later.values())) == len(later)
    assert not any(patient_id in reference for patient_id, reference in later.items())


def test_a_position_is_written_with_what_was_read_and_never_goes_back(store: Store) -> None:
    store.write([], [], {("crs.alerts", 0): 7, ("crs.alerts", 1): 3})
    store.write([], [], {("crs.alerts", 0): 5})
    assert [store.position("crs.alerts", part) for part in range(3)] == [7, 3, None]


def test_another_clusters_history_is_not_mixed_in(store: Store) -> None:
    store.begin("crs.", "cluster-a")
    write(store, WARD[:100])
    store.begin("crs.", "cluster-a")
    with pytest.raises(UserError, match=r"cluster-a.*--begin-anew"):
        store.begin("crs.", "cluster-b")
    with pytest.raises(UserError, match="name another database"):
        store.begin("other.", "cluster-a")
    store.begin("crs.", "cluster-b", anew=True)
    filled = all_rows(store.engine)
    assert [name for name, found in filled.items() if found] == ["origins"]
