"""One message in ten is invalid, and foreign records lie in the log: all are dead letters, and the rest is applied."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from confluent_kafka import Producer

from agents.platform.settings import Settings
from agents.verify.kafka_reader import KafkaReader
from schemas import topics
from schemas.dead_letters import DeadLetter
from schemas.decode import decode
from schemas.decoded import Refused
from tests.chaos.poison import KEYS, REFUSED, STRANGE, doses
from tests.chaos.run import verify
from tests.chaos.supervisor import Supervised, ready

TIMES = 8
GOOD_FOR_EACH = 9


@pytest.mark.parametrize(("value", "reason"), REFUSED, ids=[f"{n}-{why}" for n, (_, why) in enumerate(REFUSED)])
def test_each_is_refused_for_its_reason(value: bytes, reason: str) -> None:
    refused = decode(value, "vitals")
    assert isinstance(refused, Refused)
    assert refused.reason == reason


@pytest.mark.kafka
@pytest.mark.slow
def test_poison_becomes_dead_letters_and_good_events_are_applied(
    kafka_settings: Callable[..., Settings], tmp_path: Path
) -> None:
    settings = kafka_settings(partitions=2)
    with Supervised("worker", tmp_path, settings) as worker:
        ready([worker])
        poisoned, good = send(settings)
        in_the_log = Counter(
            refused.reason for value, _ in doses(1) if isinstance(refused := decode(value, in_log=True), Refused)
        )
        verdict = verify(settings, 60)
        assert verdict["ok"], verdict
        assert worker.exits == []
    assert verdict["patients"] >= GOOD_FOR_EACH
    dispositions = verdict["dispositions"]
    assert sum(number for what, number in dispositions.items() if what != "tick") >= good
    assert reasons(settings, topics.VITALS) >= poisoned, "every one is in the dead letters with its reason"
    assert reasons(settings, topics.PATIENT_EVENTS) >= Counter({why: 2 * n for why, n in in_the_log.items()})


def send(settings: Settings) -> tuple[Counter[str], int]:
    """Sends poison and good events in turn; gives the expected reasons, and the number of good events."""
    topic = settings.topic(topics.VITALS)
    # Compressed, a message whose key alone is larger than any passes the brokers.
    limits = {"message.max.bytes": 2_500_000, "compression.type": "zstd", "acks": "all"}
    producer = Producer(settings.librdkafka() | limits)
    expected: Counter[str] = Counter()
    good = 0
    for number, (dose, reason) in enumerate(doses(TIMES)):
        expected.update([reason] if reason else [])
        producer.produce(topic, dose, KEYS[number % len(KEYS)])
        for patient in range(GOOD_FOR_EACH):
            good += 1
            event = {"event_id": f"good-{good}", "patient_id": f"patient-{patient}", "spo2_percent": 97 - good % 3}
            event["effective_at"] = f"2026-03-01T{10 + good // 3600:02d}:{good // 60 % 60:02d}:{good % 60:02d}Z"
            producer.produce(topic, json.dumps(event).encode(), event["patient_id"].encode())  # type: ignore[attr-defined]
        producer.poll(0)
    for partition in range(settings.partitions):
        for number, (value, _) in enumerate(doses(1)):
            producer.produce(settings.topic(topics.PATIENT_EVENTS), value, KEYS[number % len(KEYS)], partition)
    assert producer.flush(60) == 0, "all were accepted"
    assert len(REFUSED) + len(STRANGE) >= 30
    return expected, good


def reasons(settings: Settings, source: topics.TopicSpec) -> Counter[str]:
    """Reasons of the dead letters about a topic; the original bytes are in each, up to 64 KiB."""
    brokers = KafkaReader(settings)
    topic, found = settings.topic(topics.DEAD_LETTERS), Counter[str]()
    originals = {value[: 64 * 1024] for value, _ in doses(1)}
    for partition, bounds in brokers.bounds(topic).items():
        for record in brokers.read(topic, partition, *bounds):
            letter = DeadLetter.model_validate_json(record.value or b"")
            if letter.topic == settings.topic(source):
                assert letter.original() in originals
                found[letter.reason] += 1
    brokers.close()
    return found
