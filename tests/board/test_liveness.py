"""The warnings on the page when heartbeats are missing, late, or have not come yet."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

from agents.board.liveness import Liveness

NOW = datetime(2026, 5, 1, 9, 0, tzinfo=UTC)


def beat(liveness: Liveness, partition: int, seconds: float, behind: float = 0.1) -> None:
    at = (NOW - timedelta(seconds=behind)).isoformat()
    liveness.record(json.dumps({"partition": partition, "at": at}).encode(), NOW, seconds)


def all_alive(partitions: int, seconds: float) -> Liveness:
    liveness = Liveness(partitions, started=seconds)
    liveness.loading = False
    for partition in range(partitions):
        beat(liveness, partition, seconds)
    return liveness


def test_no_warning_while_every_partition_sends_heartbeats() -> None:
    health = all_alive(2, 100).health(130)
    assert health.is_clear
    assert health.unmonitored == ()


def test_thirty_seconds_without_any_heartbeat_is_a_warning() -> None:
    health = all_alive(2, 100).health(130.1)
    assert health.unmonitored == (0, 1)
    assert health.problem == "No sign of life from the judgement for 30 s."


def test_one_silent_partition_is_enough_and_is_named_as_a_part_of_the_ward() -> None:
    liveness = all_alive(4, 100)
    for partition in (0, 1, 3):
        beat(liveness, partition, 240)
    health = liveness.health(250)
    assert health.unmonitored == (2,)
    assert health.problem == "No sign of life from 1 of 4 parts of the ward for 2 min."


def test_the_first_heartbeat_is_waited_for_and_then_missed() -> None:
    liveness = Liveness(1, started=100)
    assert liveness.health(101).waiting == "Reading the ward …"
    liveness.loading = False
    assert liveness.health(110).waiting == "Waiting for the first sign of life of the judgement …"
    assert not liveness.health(110).is_clear
    assert liveness.health(131).problem == "No sign of life from the judgement for 31 s."


def test_late_heartbeats_say_that_the_judgement_is_behind() -> None:
    liveness = all_alive(2, 100)
    beat(liveness, 1, 105, behind=600)
    health = liveness.health(106)
    assert health.unmonitored == (1,)
    assert health.problem == "The judgement is 10 min behind: it is catching up."
    beat(liveness, 1, 110)
    assert liveness.health(111).is_clear


def test_the_clock_is_the_systems_or_log_time_where_that_is_ahead() -> None:
    liveness = all_alive(2, 100)
    assert liveness.clock(NOW, 100) == NOW
    beat(liveness, 1, 100, behind=-7200)
    assert liveness.clock(NOW, 100) == NOW + timedelta(hours=2)
    assert liveness.clock(NOW + timedelta(seconds=5), 105) == NOW + timedelta(hours=2, seconds=5)
    assert liveness.health(105).is_clear
    beat(liveness, 1, 110)
    assert liveness.clock(NOW, 110) == NOW + timedelta(seconds=9.9)


def test_an_error_of_the_brokers_is_a_warning_at_once() -> None:
    liveness = all_alive(2, 100)
    liveness.fault = "KafkaConnectionError"
    health = liveness.health(101)
    assert health.unmonitored == (0, 1)
    assert health.problem == "The board cannot read from the brokers (KafkaConnectionError)."


def test_a_heartbeat_of_build_0_1_counts_as_one_of_this_build() -> None:
    liveness = all_alive(2, 100)
    at = (NOW - timedelta(seconds=0.1)).isoformat()
    liveness.record(json.dumps({"partition": 0, "at": at}).encode(), NOW, 140)
    liveness.record(json.dumps({"heartbeat": 1, "at": at}).encode(), NOW, 140)
    assert liveness.health(150).is_clear


def test_an_old_heartbeat_does_not_look_current() -> None:
    liveness = Liveness(1, started=100)
    liveness.loading = False
    beat(liveness, 0, 101, behind=3600)
    assert liveness.health(102).problem == "The judgement is 60 min behind: it is catching up."


def test_an_unreadable_heartbeat_is_ignored() -> None:
    liveness = all_alive(1, 100)
    for value in (None, b"", b"[]", b'{"partition": 0}', b'{"partition": 7, "at": "2026-05-01T09:00:00+00:00"}', b"{"):
        liveness.record(value, NOW, 200)
    liveness.record(b'{"partition": 0, "at": "2026-05-01T09:00:00"}', NOW, 200)  # no offset: not a time
    assert liveness.health(200).unmonitored == (0,)
    assert len(liveness.last_heartbeats) == 1
