"""Rows that were lost, damaged or made up are built anew from the log; nothing is told twice or left untold."""

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


class PaperPen:
    """Writes into topics in memory."""

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
        self.ward.paper.append(topic, partition, key, value, self.ward.at, headers)

    def confirm(self) -> None:
        pass


@pytest.fixture(scope="module")
def day() -> Installation:
    return a_day_on_the_ward(patients=3, hours=18)


@pytest.fixture
def ward(day: Installation) -> Installation:
    return copy.deepcopy(day)


def rebuilt(ward: Installation, *, accept_cut: bool = False) -> Rebuilt:
    return Rebuild(ward.paper, PaperPen(ward), SETTINGS, HOUSE, accept_cut).run()


def test_what_is_right_stays_as_it_is(ward: Installation) -> None:
    done = rebuilt(ward)
    assert (done.differed, done.removed) == (0, 0)
    assert done.patients > 2
    assert ward.verify().ok


def test_damaged_missing_and_made_up_rows_are_put_right(ward: Installation) -> None:
    keys = [r.key for r in ward.paper.topics[ROWS, 0] if r.key != MARKER]
    ward.paper.append(ROWS, 0, keys[-1], b"damaged", ward.at, [("epoch", b"1")])
    ward.paper.append(ROWS, 0, b"nobody", b"made up", ward.at, [("epoch", b"1")])
    ward.write_down(0, ())
    assert not ward.verify().ok
    done = rebuilt(ward)
    assert (done.differed, done.removed) == (1, 1)
    findings = ward.verify()
    assert findings.ok, findings


def test_a_worker_goes_on_from_rebuilt_rows_and_tells_what_nobody_was_told(ward: Installation) -> None:
    ward.tick(7200)
    rebuilt(ward)
    for partition in range(SETTINGS.partitions):
        ward.die(partition)
    ward.work()
    findings = ward.verify()
    assert findings.ok, findings


def test_a_partition_without_a_marker_is_left_to_the_workers(ward: Installation) -> None:
    ward.paper.topics[ROWS, 1].clear()
    done = rebuilt(ward)
    assert done.from_the_beginning == [1]
    for partition in range(SETTINGS.partitions):
        ward.die(partition)
    ward.work()
    ward.work()  # what merges sent on once more
    findings = ward.verify()
    assert findings.ok, findings


def test_nothing_is_rebuilt_while_workers_run(ward: Installation) -> None:
    ward.paper.group = 2
    with pytest.raises(UserError, match="2 workers are running"):
        rebuilt(ward)


def test_a_log_without_its_head_is_refused_unless_one_says_so(ward: Installation) -> None:
    ward.paper.begins[LOG, 0] = 10
    with pytest.raises(UserError, match="accept-cut"):
        rebuilt(ward)
    assert rebuilt(ward, accept_cut=True).partitions == SETTINGS.partitions


def test_rows_of_another_log_are_refused(ward: Installation) -> None:
    ward.paper.topics[LOG, 0] = ward.paper.topics[LOG, 0][:5]
    ward.paper.ends[LOG, 0] = 5
    with pytest.raises(UserError, match="not their log"):
        rebuilt(ward)


def test_the_states_of_rebuilt_rows_are_published(ward: Installation) -> None:
    name = SETTINGS.topic(topics.PATIENT_STATE)
    for partition in range(SETTINGS.partitions):
        ward.paper.topics[name, partition].clear()
    assert not ward.verify().ok
    rebuilt(ward)
    assert ward.verify().ok
