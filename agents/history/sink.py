"""Reads states and alerts from Kafka, writes them to the database, and then commits the offsets to Kafka."""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event
from time import monotonic

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Message, TopicPartition
from sqlalchemy.exc import OperationalError

from agents.brokers.preflight import require_topics
from agents.history import metrics
from agents.history.database import first_line
from agents.history.parse import read_alert, read_state
from agents.history.rows import TableRow
from agents.history.store import Positions, Store
from agents.platform.errors import UserError
from agents.platform.settings import Settings
from schemas.state import PatientState
from schemas.topics import ALERTS, PATIENT_STATE

BATCH = 500
POLL_SECONDS = 0.5
CONNECT_SECONDS = 10.0
# Pauses between attempts while the database is unreachable; after the last one the process exits to be restarted.
RETRY_SECONDS = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
# Longer than all retries together: after that only a restart can help.
STALLED_SECONDS = 120.0
# librdkafka logs every attempt to connect; `log_kafka_error` logs the error instead.
NO_CLIENT_LOG = 0
LOG = logging.getLogger("crs.history")


class Sink:
    """One member of the history's consumer group."""

    def __init__(self, settings: Settings, store: Store) -> None:
        self.settings = settings
        self.store = store
        self.state_topic = settings.topic(PATIENT_STATE)
        self.alert_topic = settings.topic(ALERTS)
        self.stopping = Event()
        self.counts: Counter[str] = Counter()
        self.polled_at: float | None = None

    def run(self, begin_anew: bool = False, until_end: bool = False) -> None:
        """Writes until `stopping` is set, or (`until_end`) until all messages present at the start are written.

        `begin_anew`: deletes what the database holds first. Raises UserError when database or Kafka fail.
        """
        try:
            self.work(begin_anew, until_end)
        except OperationalError as error:
            raise UserError(f"the database cannot be used any more: {first_line(error)}") from error

    def work(self, begin_anew: bool, until_end: bool) -> None:
        """Continues after the last message in the database."""
        with self.consumer() as consumer:
            self.store.begin(self.settings.topic_prefix, self.connect(consumer), anew=begin_anew)
            if until_end:
                self.read_to_end(consumer)
            else:
                consumer.subscribe([self.state_topic, self.alert_topic], on_assign=self.on_assign)
                while not self.stopping.is_set():
                    self.poll_once(consumer)

    def on_assign(self, consumer: Consumer, parts: list[TopicPartition]) -> None:
        """Starts at the offsets of the database, not of Kafka: they differ after the database was restored."""
        consumer.assign([self.starting_point(part) for part in parts])

    def starting_point(self, part: TopicPartition) -> TopicPartition:
        """The offset of the first message of a partition that the database does not have."""
        position = self.store.position(part.topic, part.partition)
        return TopicPartition(part.topic, part.partition, OFFSET_BEGINNING if position is None else position)

    def read_to_end(self, consumer: Consumer) -> None:
        """Reads the messages present now and no further, without joining the consumer group."""
        parts = partitions(consumer, (self.state_topic, self.alert_topic))
        watermarks = {part: consumer.get_watermark_offsets(part, timeout=CONNECT_SECONDS) for part in parts}
        self.on_assign(consumer, parts)
        while not self.stopping.is_set() and any(self.is_behind(part, *watermarks[part]) for part in parts):
            self.poll_once(consumer)

    def is_behind(self, part: TopicPartition, first: int, end: int) -> bool:
        """Whether the database lacks messages between the offsets `first` and `end` of a partition."""
        return max(first, self.store.position(part.topic, part.partition) or 0) < end

    def poll_once(self, consumer: Consumer) -> None:
        """One batch: read, write, and only then commit to Kafka."""
        self.polled_at = monotonic()
        messages = [message for message in consumer.consume(BATCH, POLL_SECONDS) if is_message(message)]
        if not messages:
            return
        states, alerts = self.sort(messages)
        self.write(states, alerts, {partition_of(message): (message.offset() or 0) + 1 for message in messages})
        try:
            consumer.commit(asynchronous=False)
        except KafkaException as error:  # After a rebalance: the new owner reads these messages again and skips them.
            LOG.warning(json.dumps({"event": "commit_refused", "error": error.args[0].name()}))
        self.update_lag(consumer)

    def stuck(self) -> str | None:
        """Why `/healthz` fails: nothing was polled for too long; None: healthy."""
        waited = 0.0 if self.polled_at is None else monotonic() - self.polled_at
        return f"no poll for {waited:.0f} s" if waited > STALLED_SECONDS else None

    def not_ready(self) -> str | None:
        """Why `/readyz` fails; None: ready."""
        return "not started" if self.polled_at is None else self.stuck()

    def sort(self, messages: list[Message]) -> tuple[list[PatientState], list[TableRow]]:
        """States and alert rows, each in order. Skipped messages are counted by their reason."""
        states: list[PatientState] = []
        alerts: list[TableRow] = []
        for message in messages:
            topic, value = message.topic(), message.value()
            of_state = topic == self.state_topic
            found = read_state(value) if of_state else read_alert(value, dict(message.headers() or ()))
            if isinstance(found, PatientState):
                states.append(found)
            elif isinstance(found, dict):
                alerts.append(found)
            disposition = found if isinstance(found, str) else "read"
            self.counts[disposition] += 1
            metrics.MESSAGES.labels("patient-state" if of_state else "alerts", disposition).inc()
            if disposition in ("unreadable", "no_log_offset"):
                where = {"topic": topic, "partition": message.partition(), "offset": message.offset()}
                LOG.warning(json.dumps({"event": "skipped", "reason": disposition} | where))
        return states, alerts

    def write(self, states: list[PatientState], alerts: list[TableRow], positions: Positions) -> None:
        """Writes one transaction; retries while the database is unreachable, then raises UserError."""
        for pause in (*RETRY_SECONDS, None):
            try:
                with metrics.WRITE_SECONDS.time():
                    self.counts["states"] += self.store.write(states, alerts, positions)
                self.counts["alerts"] += len(alerts)
                metrics.WRITTEN_AT.set_to_current_time()
                return
            except OperationalError as error:
                if pause is None or self.stopping.wait(pause):
                    raise UserError(f"the database went away and did not come back: {first_line(error)}") from error
                metrics.RETRIES.inc()

    def update_lag(self, consumer: Consumer) -> None:
        """Sets the lag metrics from the high watermarks of the last fetch, without another request."""
        for tp in consumer.position(consumer.assignment()):
            _, high = consumer.get_watermark_offsets(tp, cached=True)
            if tp.offset >= 0 and high >= 0:
                topic = tp.topic.removeprefix(self.settings.topic_prefix)
                metrics.LAG.labels(topic, tp.partition).set(max(0, high - tp.offset))

    def connect(self, consumer: Consumer) -> str:
        """The cluster's id. Raises UserError when no broker answers or a topic is missing."""
        require_topics(self.settings, (), (self.state_topic, self.alert_topic), CONNECT_SECONDS)
        try:
            found = consumer.list_topics(timeout=CONNECT_SECONDS)
        except KafkaException as error:
            raise UserError(
                f"no Kafka broker answers at {self.settings.bootstrap_servers}: is it up, and the address right?"
            ) from error
        return str(found.cluster_id or "")

    @contextmanager
    def consumer(self) -> Iterator[Consumer]:
        """A consumer that commits only explicitly, and is closed on exit."""
        connection = self.settings.librdkafka()
        connection.pop("partitioner", None)  # For producers only.
        consumer = Consumer(
            connection
            | {
                "group.id": f"{self.settings.topic_prefix}history",
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                "enable.partition.eof": False,
                "session.timeout.ms": int(self.settings.session_timeout_seconds * 1000),
                "log_level": NO_CLIENT_LOG,
                "error_cb": log_kafka_error,
            }
        )
        try:
            yield consumer
        finally:
            consumer.close()


def log_kafka_error(error: KafkaError) -> None:
    """Logs an error that librdkafka reports, also one that it retries by itself."""
    LOG.warning(json.dumps({"event": "kafka", "error": error.name()}))


def is_message(message: Message) -> bool:
    """Whether this is a message, not an error that librdkafka retries. Raises UserError for any other error."""
    error = message.error()
    if error is None:
        return True
    if error.code() in (KafkaError._PARTITION_EOF, KafkaError._TRANSPORT, KafkaError._ALL_BROKERS_DOWN):
        return False
    if error.retriable():
        return False
    raise UserError(f"Kafka: {error.name()} on {message.topic()}: {error.str()}")


def partitions(consumer: Consumer, topics: tuple[str, ...]) -> list[TopicPartition]:
    """All partitions of the topics."""
    found = consumer.list_topics(timeout=CONNECT_SECONDS).topics
    return [TopicPartition(topic, number) for topic in topics for number in sorted(found[topic].partitions)]


def partition_of(message: Message) -> tuple[str, int]:
    """Topic and partition of a message."""
    return str(message.topic()), int(message.partition() or 0)
