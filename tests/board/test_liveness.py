"""Fail loud when blind: what the page says when signs of life stay away, late ones, and none yet."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

from agents.board.liveness import Liveness

NOW = datetime(2026, 5, 1, 9, 0, tzinfo=UTC)


def beat(pulse: Liveness, partition: int, seconds: float, behind: float = 0.1) -> None:
    at = (NOW - timedelta(seconds=behind)).isoformat()
    pulse.record(json.dumps({"partition": partition, "at": at}).encode(), NOW, seconds)


def all_alive(partitions: int, seconds: float) -> Liveness:
    pulse = Liveness(partitions, started=seconds)
    pulse.loading = False
    for partition in range(partitions):
        beat(pulse, partition, seconds)
    return pulse


def test_all_is_well_while_every_partition_is_heard() -> None:
    sight = all_alive(2, 100).health(130)
    assert sight.is_clear
    assert sight.unmonitored == ()


def test_thirty_seconds_without_any_sign_is_blindness() -> None:
    sight = all_alive(2, 100).health(130.1)
    assert sight.unmonitored == (0, 1)
    assert sight.problem == "No sign of life from the judgement for 30 s."


def test_one_silent_partition_is_enough_and_is_named_as_a_part() -> None:
    pulse = all_alive(4, 100)
    for partition in (0, 1, 3):
        beat(pulse, partition, 240)
    sight = pulse.health(250)
    assert sight.unmonitored == (2,)
    assert sight.problem == "No sign of life from 1 of 4 parts of the ward for 2 min."


def test_a_partition_that_was_never_heard_is_waited_for_and_then_missed() -> None:
    pulse = Liveness(1, started=100)
    assert pulse.health(101).waiting == "Reading the ward …"
    pulse.loading = False
    assert pulse.health(110).waiting == "Waiting for the first sign of life of the judgement …"
    assert not pulse.health(110).is_clear
    assert pulse.health(131).problem == "No sign of life from the judgement for 31 s."


def test_signs_of_life_that_come_late_say_that_the_judgement_is_behind() -> None:
    pulse = all_alive(2, 100)
    beat(pulse, 1, 105, behind=600)
    sight = pulse.health(106)
    assert sight.unmonitored == (1,)
    assert sight.problem == "The judgement is 10 min behind: it is catching up."
    beat(pulse, 1, 110)
    assert pulse.health(111).is_clear


def test_the_clock_is_ours_or_the_logs_where_a_story_is_told_at_speed() -> None:
    pulse = all_alive(2, 100)
    assert pulse.clock(NOW, 100) == NOW
    beat(pulse, 1, 100, behind=-7200)
    assert pulse.clock(NOW, 100) == NOW + timedelta(hours=2)
    assert pulse.clock(NOW + timedelta(seconds=5), 105) == NOW + timedelta(hours=2, seconds=5)
    assert pulse.health(105).is_clear
    beat(pulse, 1, 110)
    assert pulse.clock(NOW, 110) == NOW + timedelta(seconds=9.9)


def test_a_fault_at_the_brokers_is_said_at_once() -> None:
    pulse = all_alive(2, 100)
    pulse.fault = "KafkaConnectionError"
    sight = pulse.health(101)
    assert sight.unmonitored == (0, 1)
    assert sight.problem == "The board cannot read from the brokers (KafkaConnectionError)."


def test_a_heartbeat_of_build_0_1_counts_as_one_of_this_build() -> None:
    pulse = all_alive(2, 100)
    at = (NOW - timedelta(seconds=0.1)).isoformat()
    pulse.record(json.dumps({"partition": 0, "at": at}).encode(), NOW, 140)
    pulse.record(json.dumps({"heartbeat": 1, "at": at}).encode(), NOW, 140)
    assert pulse.health(150).is_clear


def test_an_old_heartbeat_is_no_sign_that_the_judgement_keeps_up() -> None:
    pulse = Liveness(1, started=100)
    pulse.loading = False
    beat(pulse, 0, 101, behind=3600)
    assert pulse.health(102).problem == "The judgement is 60 min behind: it is catching up."


def test_a_heartbeat_that_cannot_be_read_is_none() -> None:
    pulse = all_alive(1, 100)
    for value in (None, b"", b"[]", b'{"partition": 0}', b'{"partition": 7, "at": "2026-05-01T09:00:00+00:00"}', b"{"):
        pulse.record(value, NOW, 200)
    pulse.record(b'{"partition": 0, "at": "2026-05-01T09:00:00"}', NOW, 200)  # no offset: not a time
    assert pulse.health(200).unmonitored == (0,)
    assert len(pulse.last_heartbeats) == 1
