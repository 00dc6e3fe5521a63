"""Alerts first, then rows with their marker, then the acknowledgement; and every crash or rebalance in between."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from agents.engine.changelog import MARKER, PartitionRows
from agents.stream import watch
from schemas.log_format import LOG_FORMAT
from tests.worker.records import FailStop, instant, stop_instead_of_exit, tick, vitals
from tests.worker.watch_setup import Setup

FEVER: dict[str, Any] = {"temperature_celsius": 38.4}
LOW: dict[str, Any] = {"systolic_mmhg": 84, "source": "charted"}


def run(story: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(asyncio.wait_for(story(), 10))


def test_alerts_come_before_rows_and_rows_before_the_acknowledgement() -> None:
    async def story() -> None:
        setup = Setup()
        setup.producer.at_once = True
        await setup.take(vitals(0, **FEVER))
        assert setup.producer.topics() == [
            "watch-patients-changelog",
            "alerts",
            "patient-state",
            "watch-patients-changelog",
        ]
        assert setup.markers() == [0, 1], "the claim, then the batch"
        assert setup.acknowledged == [0]

    run(story)


def test_no_row_is_written_before_the_brokers_have_the_alerts() -> None:
    async def story() -> None:
        setup = Setup()
        await setup.take(tick(0))
        setup.producer.at_once = False
        taking = asyncio.create_task(setup.take(vitals(1, **FEVER)))
        await asyncio.sleep(0.05)
        assert setup.markers() == [0, 1], "the alert is sent, its row is not"
        assert setup.acknowledged == [0]
        setup.producer.at_once = True
        setup.producer.confirm()
        await taking
        assert setup.markers() == [0, 1, 2]
        assert setup.acknowledged == [0, 1]

    run(story)


def test_write_behind_sends_alerts_at_once_and_acknowledges_with_the_checkpoint() -> None:
    async def story() -> None:
        setup = Setup(checkpoint_seconds=60.0)
        await setup.take(vitals(0, **FEVER))
        await setup.take(vitals(1, **LOW))
        assert len(setup.producer.of("alerts")) >= 3
        assert setup.markers() == [0]
        assert setup.acknowledged == []
        await setup.watch.checkpoint(whole=True)
        assert setup.markers() == [0, 2]
        assert setup.acknowledged == [0, 1]
        (_, records) = setup.producer.of("changelog")[-1]
        assert [record.key for record in records] == [b"p1", MARKER], "each touched row once"

    run(story)


def test_after_a_rebalance_nothing_is_written_or_acknowledged() -> None:
    async def story() -> None:
        setup = Setup()
        await setup.take(tick(0))
        setup.producer.at_once = False
        taking = asyncio.create_task(setup.take(vitals(1, **FEVER)))
        await asyncio.sleep(0.05)
        setup.generation = 2
        setup.producer.confirm()
        await taking
        assert setup.markers() == [0, 1]
        assert setup.acknowledged == [0]

    run(story)


def test_a_batch_of_an_older_generation_is_not_judged() -> None:
    async def story() -> None:
        setup = Setup()
        setup.generation = 2
        await setup.take(vitals(0, **FEVER), generation=1)
        assert setup.producer.sent == []

    run(story)


def test_a_new_owner_goes_on_where_the_rows_end_and_claims_the_partition() -> None:
    async def story() -> None:
        first = Setup()
        await first.take(vitals(0, **FEVER), vitals(1, **LOW))
        second = Setup(rows=first.rows)
        await second.take(vitals(0, **FEVER), vitals(1, **LOW), tick(2))
        assert second.producer.of("alerts") == [], "they were sent by the first owner"
        assert [marker.epoch for marker in second.all_markers()] == [2, 2]

    run(story)


def test_a_gap_in_the_log_stops_the_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    stop_instead_of_exit(monkeypatch, watch)

    async def story() -> None:
        setup = Setup()
        await setup.take(vitals(0, **FEVER))
        with pytest.raises(FailStop, match="offset 5 came, 1 is next"):
            await setup.take(vitals(5, **LOW))

    run(story)


def test_a_log_cut_by_retention_does_not_stop_the_worker_for_ever() -> None:
    async def story() -> None:
        first = Setup()
        await first.take(vitals(0, **FEVER))
        second = Setup(rows=first.rows, log_begins_at=5)
        await second.take(vitals(5, **LOW))
        assert second.markers()[-1] == 6

    run(story)


def test_an_unreadable_row_of_ours_stops_the_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    stop_instead_of_exit(monkeypatch, watch)

    async def story() -> None:
        with pytest.raises(FailStop, match="rows_unreadable"):
            await Setup(rows=PartitionRows(rows={b"p1": b"?"})).take(tick(0))

    run(story)


def test_states_are_published_at_once_when_something_clinical_changed_and_seldom_otherwise() -> None:
    async def story() -> None:
        setup = Setup(state_seconds=600.0)
        await setup.take(vitals(0, **FEVER))
        assert len(setup.producer.of("patient-state")) == 1
        await setup.take(vitals(1, temperature_celsius=38.5))
        assert len(setup.producer.of("patient-state")) == 1
        await setup.take(vitals(2, **LOW))
        (*_, last) = setup.producer.of("patient-state")
        state = json.loads(last[1])
        assert (state["grade"], state["log_offset"]) == (2, 2)

    run(story)


def test_an_alert_says_which_record_of_the_log_caused_it() -> None:
    async def story() -> None:
        setup = Setup()
        await setup.take(tick(0), vitals(1, **FEVER))
        headers = setup.producer.of("alerts")[0][3]
        assert (headers["log_partition"], headers["log_offset"]) == (b"0", b"1")
        assert int(headers["log_appended_ms"]) == vitals(1).timestamp

    run(story)


def test_a_judged_tick_is_followed_by_a_heartbeat_on_its_own_topic() -> None:
    async def story() -> None:
        setup = Setup()
        await setup.take(tick(0))
        await setup.take(tick(1))
        ((key, value, partition, headers),) = setup.producer.of("heartbeats")
        assert (key, partition, headers) == (None, 0, {}), "not with every tick, in the partition of the same number"
        assert json.loads(value) == {"partition": 0, "at": instant(0).replace("+00:00", "Z"), "log_format": LOG_FORMAT}
        assert setup.producer.of("alerts") == [], "only alerts go there"

    run(story)


def test_a_record_that_is_no_tick_is_followed_by_no_heartbeat() -> None:
    async def story() -> None:
        setup = Setup()
        await setup.take(vitals(0, **FEVER))
        assert setup.producer.of("heartbeats") == []

    run(story)


def test_dead_letters_keep_their_key() -> None:
    async def story() -> None:
        setup = Setup()
        await setup.take(vitals(0)._replace(value=b"{"))
        ((key, value, _, _),) = setup.producer.of("dead-letters")
        assert (key, json.loads(value)["reason"]) == (b"p1", "not_json")
        assert setup.acknowledged == [0]

    run(story)
