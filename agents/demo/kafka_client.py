"""The demonstration's Kafka client: sends events and ticks, reads alerts, and reads the whole log at the end."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from time import monotonic
from typing import Any

from confluent_kafka import Consumer, Message, Producer, TopicPartition

from agents.engine.log_lines import LogLine
from agents.platform.json_types import Json
from agents.platform.settings import Settings
from monitor.units import SECOND, to_datetime
from schemas import topics
from schemas.alerts import Alert
from schemas.heartbeats import is_heartbeat_of_build_0_1

AT_ONCE = 500
TIMEOUT_SECONDS = 15.0


class DemoClient:
    """Sends events and reads alerts. Close it when done."""

    def __init__(self, settings: Settings) -> None:
        silent = logging.getLogger("crs.librdkafka")
        silent.addHandler(logging.NullHandler())
        silent.propagate = False
        self.settings = settings
        self.sent = 0
        self.refused = 0
        self._feeds = {feed.default_type: settings.topic(feed) for feed in topics.FEEDS}
        self._log = settings.topic(topics.PATIENT_EVENTS)
        self._producer = Producer(settings.librdkafka() | {"acks": "all", "linger.ms": 5}, logger=silent)
        self._silent = silent
        self._alerts = self._reader(settings.topic(topics.ALERTS))

    def send(self, event: Json) -> None:
        """One event, to the feed topic of its type."""
        self.sent += 1
        value = json.dumps(event, separators=(",", ":")).encode()
        self._producer.produce(
            self._feeds[event["type"]], value, key=event["patient_id"].encode(), on_delivery=self._on_delivery
        )
        self._producer.poll(0)

    def tick(self, at: int) -> None:
        """Writes a tick of story time into every partition of the log."""
        value = json.dumps({"type": "tick", "effective_at": to_datetime(at - at % SECOND).isoformat()}).encode()
        for partition in range(self.settings.partitions):
            self._producer.produce(self._log, value, partition=partition, on_delivery=self._on_delivery)
        self._producer.poll(0)

    def flush(self) -> None:
        """Waits until the broker has everything."""
        self._producer.flush(TIMEOUT_SECONDS)

    def alerts(self) -> Iterator[Alert]:
        """Alerts raised, changed or resolved since the last call."""
        for message in self._alerts.consume(AT_ONCE, timeout=0.02):
            value = message.value()
            headers: Any = message.headers()
            if message.error() is None and value is not None and not is_heartbeat_of_build_0_1(headers):
                yield Alert.model_validate_json(value)

    def log(self) -> list[LogLine]:
        """The whole log up to now, in the order in which it was written; within a partition by offset."""
        reader = self._reader(self._log)
        ends = {number: self._end(reader, number) for number in range(self.settings.partitions)}
        left, found, latest = sum(ends.values()), [], dict.fromkeys(ends, 0)
        until = monotonic() + TIMEOUT_SECONDS
        while left and monotonic() < until:
            for message in reader.consume(AT_ONCE, timeout=0.1):
                number, offset = message.partition(), message.offset()
                assert number is not None, "what was read has its place"
                assert offset is not None, "what was read has its place"
                if message.error() is None and offset < ends[number]:
                    left -= 1
                    latest[number] = max(latest[number], message.timestamp()[1])
                    found.append((latest[number], log_line(number, offset, message)))
                    until = monotonic() + TIMEOUT_SECONDS
        reader.close()
        assert left == 0, "the embedded broker keeps the whole log"
        return [line for _, line in sorted(found, key=lambda one: (one[0], one[1].partition, one[1].offset))]

    def close(self) -> None:
        """Disconnects."""
        self._alerts.close()
        self._producer.purge()

    def _end(self, reader: Consumer, number: int) -> int:
        """How many records a partition of the log holds."""
        return int(reader.get_watermark_offsets(TopicPartition(self._log, number), timeout=TIMEOUT_SECONDS)[1])

    def _reader(self, topic: str) -> Consumer:
        """A consumer at the beginning of a topic; it joins no group and commits nothing."""
        ours = {
            "group.id": "demo",
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "fetch.wait.max.ms": 50,
        }
        reader = Consumer(self.settings.librdkafka() | ours, logger=self._silent)
        reader.assign([TopicPartition(topic, number, 0) for number in range(self.settings.partitions)])
        return reader

    def _on_delivery(self, error: object, _message: Message) -> None:
        if error is not None:
            self.refused += 1


def log_line(partition: int, offset: int, message: Message) -> LogLine:
    """A message of the log. The embedded broker keeps writers' clocks: when it got the message nobody knows."""
    key: Any = message.key()
    value: Any = message.value()
    return LogLine(partition, offset, -1, key, value)
