"""Writes records to the brokers in order, confirmed by all in-sync replicas."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from confluent_kafka import KafkaError, Message, Producer

from agents.platform.errors import UserError
from agents.platform.settings import Settings

CONFIRM_SECONDS = 60.0
FULL_QUEUE_SECONDS = 0.1


class KafkaWriter:
    """An idempotent producer: after a retry no record is duplicated or out of order."""

    def __init__(self, settings: Settings) -> None:
        config = {
            "acks": "all",
            "enable.idempotence": True,
            "linger.ms": 5,
            "delivery.timeout.ms": round(CONFIRM_SECONDS * 1000),
            "error_cb": lambda error: None,  # errors that matter arrive in each record's delivery report
        }
        self._producer = Producer(settings.librdkafka() | config, logger=logging.getLogger("crs.librdkafka"))
        self._error: KafkaError | None = None

    def write(
        self,
        topic: str,
        partition: int,
        key: bytes | None,
        value: bytes | None,
        headers: Sequence[tuple[str, bytes]] = (),
    ) -> None:
        """Queues one record; waits while the queue is full."""
        while True:
            try:
                self._producer.produce(topic, value, key, partition, headers=list(headers), on_delivery=self._report)
            except BufferError:
                self._producer.poll(FULL_QUEUE_SECONDS)
            else:
                self._producer.poll(0)
                return

    def confirm(self) -> None:
        """Waits until the brokers have confirmed every record. Raises UserError when they do not."""
        left = self._producer.flush(CONFIRM_SECONDS)
        if self._error is not None or left:
            why = "no answer" if self._error is None else self._error.str()
            raise UserError(f"the brokers do not accept records: {why}; run this again when they do")

    def _report(self, error: KafkaError | None, message: Message) -> None:
        self._error = error or self._error
