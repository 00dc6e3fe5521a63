"""Intake appends events to the log under their patient's key, otherwise unchanged; the rest are dead letters."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from typing import Any, NamedTuple

import pytest

from agents.engine.partitioning import partition_of
from agents.engine.stamp import log_value
from agents.platform.settings import Settings
from agents.stream.held_feeds import Place
from agents.stream.intake import Intake
from agents.stream.log_formats import LogFormats
from agents.stream.producer import MESSAGE_BYTES, RECORD_OVERHEAD
from schemas.dead_letters import Origin, dead_letter
from schemas.decode import decode
from schemas.decoded import Decoded
from tests.worker.records import BEGAN, Metadata, RecordingProducer, instant

EVENT = {"event_id": "e1", "patient_id": "p1", "effective_at": instant(0), "heart_rate_per_min": 90, "extra": "kept"}


class FeedRecord(NamedTuple):
    offset: int
    value: bytes | None
    key: bytes | None = b"whatever the feed likes"
    partition: int = 0
    timestamp: int = BEGAN
    timestamp_type: int = 1  # the broker's clock


class NoFlow:
    """A feed that needs no pause."""

    def pause(self, place: Place) -> None:
        raise AssertionError(f"{place} was paused")

    def resume(self, place: Place) -> None:
        """Nothing is paused."""


def intake_with(producer: RecordingProducer) -> Intake:
    settings = Settings(partitions=4)
    return Intake(settings, producer, LogFormats(settings), NoFlow())


def taken(topic: str, *values: Any, at_once: bool = True) -> tuple[RecordingProducer, list[str]]:
    producer, acknowledged = RecordingProducer(at_once=at_once), []

    async def story() -> None:
        intake = intake_with(producer)
        written = [value if isinstance(value, bytes) else json.dumps(value).encode() for value in values]
        records = [FeedRecord(offset, value) for offset, value in enumerate(written)]
        await intake.take(f"crs.{topic}", records, lambda: acknowledged.append("done"))
        if at_once:
            await intake.drain()
        await asyncio.sleep(0)

    asyncio.run(story())
    return producer, acknowledged


def test_an_event_is_keyed_by_its_patient_in_the_patients_partition() -> None:
    producer, acknowledged = taken("vitals", EVENT)
    ((partition, (record,)),) = producer.of("patient-events")
    assert (partition, record.key) == (partition_of(b"p1", 4), b"p1")
    assert acknowledged == ["done"]


def test_only_type_and_arrival_are_added() -> None:
    producer, _ = taken("vitals", EVENT)
    ((_, (record,)),) = producer.of("patient-events")
    assert json.loads(record.value) == EVENT | {"type": "vitals", "received_at": instant(0)}


def test_a_complete_message_is_not_changed() -> None:
    whole = json.dumps(EVENT | {"type": "vitals", "received_at": instant(5)}).encode()
    decoded = decode(whole, "vitals")
    assert isinstance(decoded, Decoded)
    assert log_value(FeedRecord(0, whole), decoded, "vitals") is whole


@pytest.mark.parametrize(("timestamp", "timestamp_type"), [(0, 1), (-1, 1), (86_400_000, 1), (BEGAN, 0)])
def test_only_the_brokers_clock_says_when_a_message_arrived(timestamp: int, timestamp_type: int) -> None:
    """A writer's clock may be anywhere; then the log's own time is when we could know."""
    value = json.dumps(EVENT | {"type": "vitals"}).encode()
    decoded = decode(value, "vitals")
    assert isinstance(decoded, Decoded)
    record = FeedRecord(0, value, timestamp=timestamp, timestamp_type=timestamp_type)
    assert log_value(record, decoded, "vitals") is value


def test_events_of_one_patient_keep_their_order() -> None:
    producer, _ = taken("vitals", *(EVENT | {"event_id": f"e{n}"} for n in range(50)))
    ((_, records),) = producer.of("patient-events")
    assert [json.loads(record.value)["event_id"] for record in records] == [f"e{n}" for n in range(50)]


@pytest.mark.parametrize(
    ("topic", "value", "reason"),
    [
        ("vitals", b"{", "not_json"),
        ("vitals", EVENT | {"type": "medication"}, "wrong_topic"),
        ("vitals", EVENT | {"heart_rate_per_min": "fast"}, "wrong_type"),
        ("medications", EVENT, "missing_field"),
        ("vitals", {"type": "tick", "effective_at": instant(0)}, "wrong_topic"),
    ],
)
def test_a_refused_message_is_a_dead_letter_with_its_topic_and_offset(topic: str, value: Any, reason: str) -> None:
    producer, acknowledged = taken(topic, EVENT if topic == "vitals" else b"[]", value)
    *_, (key, written, _, _) = producer.of("dead-letters")
    letter = json.loads(written)
    assert (letter["reason"], letter["topic"], letter["offset"]) == (reason, f"crs.{topic}", 1)
    assert key == b"whatever the feed likes"
    assert acknowledged == ["done"]


def test_nothing_is_acknowledged_before_the_log_has_it() -> None:
    _, acknowledged = taken("vitals", EVENT, at_once=False)
    assert acknowledged == []


def test_a_batch_that_is_confirmed_first_waits_for_the_one_before() -> None:
    """Faust commits past a batch that is not acknowledged yet: a crash would lose it."""
    acknowledged: list[str] = []

    async def story() -> None:
        producer = RecordingProducer(at_once=False)
        intake = intake_with(producer)
        for offset, name in enumerate(("first", "second")):
            records = [FeedRecord(offset, json.dumps(EVENT | {"event_id": name}).encode())]
            await intake.take("crs.vitals", records, lambda name=name: acknowledged.append(name))  # type: ignore[misc]
        first, second = producer.unconfirmed
        second.set_result(Metadata(1))
        for _ in range(5):
            await asyncio.sleep(0)
        assert acknowledged == []
        first.set_result(Metadata(0))
        await intake.drain()

    asyncio.run(story())
    assert acknowledged == ["first", "second"]


@pytest.mark.parametrize("payload", [b"not json", b"x" * 100_000])
def test_a_dead_letter_keeps_its_key_as_long_as_both_fit_into_a_message(payload: bytes) -> None:
    letter = dead_letter("not_json", "not JSON", payload, Origin("crs.vitals", 0, 0, datetime(2026, 3, 1, tzinfo=UTC)))
    longest = MESSAGE_BYTES - RECORD_OVERHEAD - len(letter.model_dump_json())
    producer = RecordingProducer()

    async def story() -> None:
        for length in (longest, longest + 1):
            await producer.send_letter("crs.dead-letters", letter, b"k" * length)
        await producer.send_letter("crs.dead-letters", letter, None)

    asyncio.run(story())
    keys = [key for key, *_ in producer.of("dead-letters")]
    assert keys == [b"k" * longest, None, None]
