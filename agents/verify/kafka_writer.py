"""Writes to the brokers: in order, confirmed by all copies, or a word about why not."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from confluent_kafka import KafkaError, Message, Producer

from agents.platform.errors import UserError
from agents.platform.settings import Settings

CONFIRM_SECONDS = 60.0
TURN_SECONDS = 0.1


class KafkaWriter:
    """An idempotent producer: nothing is doubled or out of order after a fault."""

    def __init__(self, settings: Settings) -> None:
        ours = {
            "acks": "all",
            "enable.idempotence": True,
            "linger.ms": 5,
            "delivery.timeout.ms": round(CONFIRM_SECONDS * 1000),
            "error_cb": lambda error: None,  # each record's own report says what became of it
        }
        self._producer = Producer(settings.librdkafka() | ours, logger=logging.getLogger("crs.librdkafka"))
        self._refused: KafkaError | None = None

    def write(
        self,
        topic: str,
        partition: int,
        key: bytes | None,
        value: bytes | None,
        headers: Sequence[tuple[str, bytes]] = (),
    ) -> None:
        """Hands one record over; waits while too many are on their way."""
        while True:
            try:
                self._producer.produce(topic, value, key, partition, headers=list(headers), on_delivery=self._report)
            except BufferError:
                self._producer.poll(TURN_SECONDS)
            else:
                self._producer.poll(0)
                return

    def confirm(self) -> None:
        """Waits until the brokers have everything. Raises UserError when they do not take it."""
        left = self._producer.flush(CONFIRM_SECONDS)
        if self._refused is not None or left:
            why = "no answer" if self._refused is None else self._refused.str()
            raise UserError(f"the brokers do not take what is written: {why}; run this again when they do")

    def _report(self, error: KafkaError | None, message: Message) -> None:
        self._refused = error or self._refused
