"""Reads topics from brokers without joining a consumer group, so that no worker loses a partition."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from time import monotonic
from typing import Any

from confluent_kafka import (
    TIMESTAMP_LOG_APPEND_TIME,
    Consumer,
    ConsumerGroupTopicPartitions,
    KafkaError,
    KafkaException,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient

from agents.brokers.preflight import ADVICE, describe_topics, unreachable
from agents.platform.errors import UserError
from agents.platform.settings import Settings
from agents.verify.reader import Bounds, StoredRecord

ANSWER_SECONDS = 30.0
POLL_SECONDS = 0.05  # a poll that cannot be filled waits this long
BATCH_MESSAGES = 2000
CONSUMER_CONFIG = {
    "group.id": "crs-monitor-verify",  # required by librdkafka; never joined, because partitions are assigned directly
    "enable.auto.commit": False,
    "enable.partition.eof": True,
    "auto.offset.reset": "earliest",
    "queued.max.messages.kbytes": 32_768,
    "fetch.wait.max.ms": 50,
}


class KafkaReader:
    """A TopicReader of the brokers of one installation."""

    def __init__(self, settings: Settings) -> None:
        """Raises UserError when no broker answers."""
        self._settings = settings
        self._topics = describe_topics(settings)
        self._errors: list[KafkaError] = []
        logger = logging.getLogger("crs.librdkafka")
        callbacks: dict[str, Any] = {"error_cb": self._errors.append}
        self._consumer = Consumer(settings.librdkafka() | CONSUMER_CONFIG | callbacks, logger=logger)
        self._admin = AdminClient(settings.librdkafka() | callbacks, logger=logger)

    def close(self) -> None:
        """Disconnects."""
        self._consumer.close()

    def bounds(self, topic: str) -> dict[int, Bounds]:
        """The offsets that each partition of a topic holds now. Raises UserError when the topic is missing."""
        if topic not in self._topics:
            raise UserError(f"topic {topic} is missing; {ADVICE}")
        return {partition: self._bounds(topic, partition) for partition in range(self._topics[topic].partitions)}

    def read(self, topic: str, partition: int, begin: int, end: int) -> Iterator[StoredRecord]:
        """The records of a partition in order. Offsets without a record (after compaction) are skipped."""
        if begin >= end:
            return
        self._consumer.assign([TopicPartition(topic, partition, begin)])
        try:
            yield from self._between(begin, end, f"{topic} partition {partition}")
        finally:
            self._consumer.unassign()

    def committed(self, group: str, topic: str) -> dict[int, int]:
        """The committed offset of a consumer group for each partition that has one."""
        asked = ConsumerGroupTopicPartitions(group, [TopicPartition(topic, p) for p in self.bounds(topic)])
        try:
            answer = self._admin.list_consumer_group_offsets([asked])[group].result(ANSWER_SECONDS)
        except KafkaException as error:
            raise self._unreachable(error) from error
        return {each.partition: each.offset for each in answer.topic_partitions if each.offset >= 0}

    def members(self, group: str) -> int:
        """The number of consumers in a group now; 0 for an unknown group."""
        try:
            described = self._admin.describe_consumer_groups([group])[group].result(ANSWER_SECONDS)
        except KafkaException as error:
            if error.args[0].code() == KafkaError.GROUP_ID_NOT_FOUND:
                return 0
            raise self._unreachable(error) from error
        return len(described.members)

    def _bounds(self, topic: str, partition: int) -> Bounds:
        try:
            asked = TopicPartition(topic, partition)
            return Bounds(*self._consumer.get_watermark_offsets(asked, timeout=ANSWER_SECONDS))
        except KafkaException as error:
            raise self._unreachable(error) from error

    def _between(self, begin: int, end: int, place: str) -> Iterator[StoredRecord]:
        received_at, following = monotonic(), begin
        while True:
            messages = self._consumer.consume(min(BATCH_MESSAGES, end - following), POLL_SECONDS)
            if messages:
                received_at = monotonic()
            elif monotonic() - received_at > ANSWER_SECONDS:
                raise UserError(f"{place}: the brokers send no more records; are they all up?")
            for message in messages:
                error, offset = message.error(), int(message.offset() or 0)
                if error is None:
                    if offset >= end:
                        return
                    yield stored_record(message)
                    following = offset + 1
                    if following == end:
                        return
                elif error.code() == KafkaError._PARTITION_EOF:
                    if offset >= end:
                        return
                elif not error.retriable() and error.code() not in TRANSIENT:
                    raise self._unreachable(KafkaException(error))

    def _unreachable(self, error: KafkaException) -> UserError:
        return UserError(unreachable(self._settings, error.args[0], self._errors))


TRANSIENT = {
    KafkaError._TRANSPORT,
    KafkaError._ALL_BROKERS_DOWN,
    KafkaError._RESOLVE,
    KafkaError._TIMED_OUT,
    KafkaError.NOT_LEADER_FOR_PARTITION,
    KafkaError.LEADER_NOT_AVAILABLE,
    KafkaError.UNKNOWN_TOPIC_OR_PART,
}


def stored_record(message: Any) -> StoredRecord:
    """A record from a message of librdkafka."""
    whose, timestamp = message.timestamp()
    headers = tuple(message.headers() or ())
    by_broker = int(whose == TIMESTAMP_LOG_APPEND_TIME)
    return StoredRecord(message.offset(), timestamp, message.key(), message.value(), headers, by_broker)
