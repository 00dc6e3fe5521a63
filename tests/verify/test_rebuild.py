"""Rebuilding replaces lost, damaged and foreign rows from the log, and no alert is missing afterwards."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import pytest

from agents.engine.changelog import MARKER
from agents.platform.errors import UserError
from agents.verify.rebuild import Rebuild, Rebuilt
from schemas import topics
from tests.verify.installation import HOUSE, LOG, SETTINGS, Installation, a_day_on_the_ward

ROWS = SETTINGS.changelog


class InMemoryWriter:
    """A RecordWriter into topics in memory."""

    def __init__(self, ward: Installation) -> None:
        self.ward = ward

    def write(
        self,
        topic: str,
        partition: int,
        key: bytes | None,
        value: bytes | None,
        headers: Sequence[tuple[str, bytes]] = (),
    ) -> None:
        self.ward.topics.append(topic, partition, key, value, self.ward.at, headers)

    def confirm(self) -> None:
        pass


@pytest.fixture(scope="module")
def day() -> Installation:
    return a_day_on_the_ward(patients=3, hours=18)


@pytest.fixture
def ward(day: Installation) -> Installation:
    return copy.deepcopy(day)


def rebuilt(ward: Installation, *, accept_cut: bool = False) -> Rebuilt:
    return Rebuild(ward.topics, InMemoryWriter(ward), SETTINGS, HOUSE, accept_cut).run()


def test_correct_rows_are_not_changed(ward: Installation) -> None:
    done = rebuilt(ward)
    assert (done.differed, done.removed) == (0, 0)
    assert done.patients > 2
    assert ward.verify().ok


def test_damaged_and_foreign_rows_are_repaired(ward: Installation) -> None:
    keys = [r.key for r in ward.topics.records[ROWS, 0] if r.key != MARKER]
    ward.topics.append(ROWS, 0, keys[-1], b"damaged", ward.at, [("epoch", b"1")])
    ward.topics.append(ROWS, 0, b"nobody", b"foreign", ward.at, [("epoch", b"1")])
    ward.write_rows(0, ())
    assert not ward.verify().ok
    done = rebuilt(ward)
    assert (done.differed, done.removed) == (1, 1)
    findings = ward.verify()
    assert findings.ok, findings


def test_a_worker_continues_from_rebuilt_rows_and_publishes_the_alerts_that_were_missing(ward: Installation) -> None:
    ward.tick(7200)
    rebuilt(ward)
    for partition in range(SETTINGS.partitions):
        ward.die(partition)
    ward.work()
    findings = ward.verify()
    assert findings.ok, findings


def test_a_partition_without_a_marker_is_left_to_the_workers(ward: Installation) -> None:
    ward.topics.records[ROWS, 1].clear()
    done = rebuilt(ward)
    assert done.from_the_beginning == [1]
    for partition in range(SETTINGS.partitions):
        ward.die(partition)
    ward.work()
    ward.work()  # the records that merges forwarded again
    findings = ward.verify()
    assert findings.ok, findings


def test_nothing_is_rebuilt_while_workers_run(ward: Installation) -> None:
    ward.topics.group = 2
    with pytest.raises(UserError, match="2 workers are running"):
        rebuilt(ward)


def test_a_log_without_its_beginning_is_refused_unless_accepted(ward: Installation) -> None:
    ward.topics.begins[LOG, 0] = 10
    with pytest.raises(UserError, match="accept-cut"):
        rebuilt(ward)
    assert rebuilt(ward, accept_cut=True).partitions == SETTINGS.partitions


def test_rows_of_another_log_are_refused(ward: Installation) -> None:
    ward.topics.records[LOG, 0] = ward.topics.records[LOG, 0][:5]
    ward.topics.ends[LOG, 0] = 5
    with pytest.raises(UserError, match="not their log"):
        rebuilt(ward)


def test_the_states_of_rebuilt_rows_are_published(ward: Installation) -> None:
    name = SETTINGS.topic(topics.PATIENT_STATE)
    for partition in range(SETTINGS.partitions):
        ward.topics.records[name, partition].clear()
    assert not ward.verify().ok
    rebuilt(ward)
    assert ward.verify().ok
