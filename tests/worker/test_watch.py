"""The order of things: alerts, then rows with their marker, then the acknowledgement; and what happens in between."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from agents.engine.changelog import MARKER, PartitionRows, parsed
from agents.platform.settings import Settings
from agents.stream import watch
from agents.stream.watch import PartitionWatch
from monitor.guidelines import in_force
from tests.worker.records import FailStop, KeptOutbox, LogRecord, stop_instead_of_exit, tick, vitals

GUIDELINE = in_force.load("house")
FEVER = {"temperature_celsius": 38.4}
LOW = {"systolic_mmhg": 84, "source": "charted"}


class House:
    """A watch with one partition, and hands on everything around it."""

    def __init__(self, *, begins: int = 0, held: PartitionRows | None = None, **settings: Any) -> None:
        self.outbox = KeptOutbox()
        self.generation = 1
        self.acknowledged: list[int] = []
        self.held = held or PartitionRows()

        async def log_begins(_: int) -> int:
            return begins

        options = {"checkpoint_seconds": 0.0, "state_seconds": 0.0, "partitions": 1} | settings
        self.watch = PartitionWatch(
            Settings(**options),
            GUIDELINE,
            self.outbox,  # type: ignore[arg-type]
            lambda _: self.held,
            lambda: self.generation,
            log_begins,
        )

    async def take(self, *records: LogRecord, generation: int = 1) -> None:
        last = records[-1].offset
        await self.watch.take(0, list(records), generation, lambda: self.acknowledged.append(last))

    def markers(self) -> list[int]:
        batches = [records for _, records in self.outbox.of("changelog")]
        return [parsed(records[-1].value).next_offset for records in batches]


def played(story: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(asyncio.wait_for(story(), 10))


def test_alerts_come_before_rows_and_rows_before_the_acknowledgement() -> None:
    async def story() -> None:
        house = House()
        house.outbox.at_once = True
        await house.take(vitals(0, **FEVER))
        assert house.outbox.topics() == [
            "watch-patients-changelog",
            "alerts",
            "patient-state",
            "watch-patients-changelog",
        ]
        assert house.markers() == [0, 1], "the claim, then the batch"
        assert house.acknowledged == [0]

    played(story)


def test_nothing_is_written_down_before_the_brokers_have_the_alerts() -> None:
    async def story() -> None:
        house = House()
        await house.take(tick(0))
        house.outbox.at_once = False
        taking = asyncio.create_task(house.take(vitals(1, **FEVER)))
        await asyncio.sleep(0.05)
        assert house.markers() == [0, 1], "the alert is on its way, its row is not"
        assert house.acknowledged == [0]
        house.outbox.at_once = True
        house.outbox.confirm()
        await taking
        assert house.markers() == [0, 1, 2]
        assert house.acknowledged == [0, 1]

    played(story)


def test_write_behind_tells_alerts_at_once_and_acknowledges_with_the_checkpoint() -> None:
    async def story() -> None:
        house = House(checkpoint_seconds=60.0)
        await house.take(vitals(0, **FEVER))
        await house.take(vitals(1, **LOW))
        assert len(house.outbox.of("alerts")) >= 3
        assert house.markers() == [0]
        assert house.acknowledged == []
        await house.watch.checkpoint(whole=True)
        assert house.markers() == [0, 2]
        assert house.acknowledged == [0, 1]
        (_, records) = house.outbox.of("changelog")[-1]
        assert [record.key for record in records] == [b"p1", MARKER], "each touched row once"

    played(story)


def test_when_the_partitions_were_shared_out_anew_there_is_no_trace() -> None:
    async def story() -> None:
        house = House()
        await house.take(tick(0))
        house.outbox.at_once = False
        taking = asyncio.create_task(house.take(vitals(1, **FEVER)))
        await asyncio.sleep(0.05)
        house.generation = 2
        house.outbox.confirm()
        await taking
        assert house.markers() == [0, 1]
        assert house.acknowledged == [0]

    played(story)


def test_a_batch_of_an_older_generation_is_not_even_looked_at() -> None:
    async def story() -> None:
        house = House()
        house.generation = 2
        await house.take(vitals(0, **FEVER), generation=1)
        assert house.outbox.told == []

    played(story)


def test_whoever_takes_over_goes_on_where_the_rows_are_and_claims_the_partition() -> None:
    async def story() -> None:
        first = House()
        await first.take(vitals(0, **FEVER), vitals(1, **LOW))
        second = House(held=first.held)
        await second.take(vitals(0, **FEVER), vitals(1, **LOW), tick(2))
        assert second.outbox.of("alerts")[:-1] == [], "told already; what is left is the heartbeat"
        epochs = [parsed(records[-1].value).epoch for _, records in second.outbox.of("changelog")]
        assert epochs == [2, 2]

    played(story)


def test_a_gap_in_the_log_stops_the_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    stop_instead_of_exit(monkeypatch, watch)

    async def story() -> None:
        house = House()
        await house.take(vitals(0, **FEVER))
        with pytest.raises(FailStop, match="offset 5 came, 1 is next"):
            await house.take(vitals(5, **LOW))

    played(story)


def test_a_log_cut_by_retention_is_no_reason_to_stop_for_ever() -> None:
    async def story() -> None:
        first = House()
        await first.take(vitals(0, **FEVER))
        second = House(held=first.held, begins=5)
        await second.take(vitals(5, **LOW))
        assert second.markers()[-1] == 6

    played(story)


def test_an_unreadable_row_stops_the_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    stop_instead_of_exit(monkeypatch, watch)

    async def story() -> None:
        with pytest.raises(FailStop, match="rows_unreadable"):
            await House(held=PartitionRows(rows={b"p1": b"?"})).take(tick(0))

    played(story)


def test_states_are_published_at_once_when_something_clinical_changed_and_seldom_otherwise() -> None:
    async def story() -> None:
        house = House(state_seconds=600.0)
        await house.take(vitals(0, **FEVER))
        assert len(house.outbox.of("patient-state")) == 1
        await house.take(vitals(1, temperature_celsius=38.5))
        assert len(house.outbox.of("patient-state")) == 1
        await house.take(vitals(2, **LOW))
        (*_, last) = house.outbox.of("patient-state")
        said = json.loads(last[1])
        assert (said["grade"], said["log_offset"]) == (2, 2)

    played(story)


def test_an_alert_says_which_record_of_the_log_caused_it() -> None:
    async def story() -> None:
        house = House()
        await house.take(tick(0), vitals(1, **FEVER))
        headers = house.outbox.of("alerts")[0][3]
        assert (headers["log_partition"], headers["log_offset"]) == (b"0", b"1")
        assert int(headers["log_appended_ms"]) == vitals(1).timestamp

    played(story)


def test_a_sign_of_life_goes_the_way_of_the_alerts() -> None:
    async def story() -> None:
        house = House()
        await house.take(tick(0))
        await house.take(tick(1))
        beats = [what for what in house.outbox.of("alerts") if what[3].get("kind") == b"heartbeat"]
        assert len(beats) == 1, "not with every tick"
        assert json.loads(beats[0][1])["heartbeat"] == 0

    played(story)


def test_dead_letters_keep_their_key() -> None:
    async def story() -> None:
        house = House()
        await house.take(vitals(0)._replace(value=b"{"))
        ((key, value, _, _),) = house.outbox.of("dead-letters")
        assert (key, json.loads(value)["reason"]) == (b"p1", "not_json")
        assert house.acknowledged == [0]

    played(story)
