"""The producer of a worker: every write is confirmed by all brokers that must have it, or the process ends.

It uses aiokafka's public interface. Faust's own producer is not used because it gives up silently.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from agents.engine.changelog import Record
from agents.engine.records import Appended
from agents.platform.fail_stop import Fence, fail_stop
from agents.platform.settings import Settings
from schemas.dead_letters import DeadLetter

BATCH_BYTES = 900_000  # below a broker's usual limit of 1 MiB
MESSAGE_BYTES = 1_000_000
RECORD_OVERHEAD = 1_000  # far more than what a record has around key and value
LINGER_MS = 2

ProducerHeaders = Sequence[tuple[str, bytes]]
Confirmed = Callable[[Appended], None]


class ConfirmedProducer:
    """Sends messages and record batches. Any refusal by the brokers is a fail stop."""

    def __init__(self, settings: Settings, fence: Fence) -> None:
        self._settings = settings
        self._fence = fence
        self._producer: AIOKafkaProducer | None = None

    async def start(self) -> None:
        """Connects to the brokers."""
        self._producer = AIOKafkaProducer(
            acks="all",
            linger_ms=LINGER_MS,
            max_batch_size=BATCH_BYTES,
            max_request_size=MESSAGE_BYTES,
            request_timeout_ms=round(self._settings.send_timeout_seconds * 1000),
            **self._settings.aiokafka(),
        )
        await self._producer.start()

    async def stop(self) -> None:
        """Sends what is still queued, and disconnects."""
        if self._producer is not None:
            await self._producer.stop()

    async def send(
        self,
        topic: str,
        value: bytes,
        key: bytes | None,
        partition: int | None = None,
        headers: ProducerHeaders = (),
        confirmed: Confirmed | None = None,
    ) -> asyncio.Future[Any]:
        """Queues one message. The future is done when brokers have it; then `confirmed` gets its metadata."""
        self._fence.check()
        assert self._producer is not None, "started"
        sent = await guarded(
            self._producer.send(topic, value=value, key=key, partition=partition, headers=list(headers))
        )
        sent.add_done_callback(lambda done: report(done, topic, confirmed))
        return sent  # type: ignore[no-any-return]

    async def send_letter(self, topic: str, letter: DeadLetter, key: bytes | None) -> asyncio.Future[Any]:
        """Queues a dead letter under its message's key; without it when both together are too large for a message."""
        value = letter.model_dump_json().encode()
        fits = len(value) + len(key or b"") + RECORD_OVERHEAD <= MESSAGE_BYTES
        return await self.send(topic, value, key if fits else None)

    async def append(self, topic: str, partition: int, records: Iterable[Record]) -> list[asyncio.Future[Any]]:
        """Queues many records, in one record batch if they fit: a batch is appended whole or not at all.

        When they do not fit, the last record is in the last batch.
        """
        self._fence.check()
        assert self._producer is not None, "started"
        sent = []
        batch, empty = self._producer.create_batch(), True
        for record in records:
            if not put(batch, record):
                assert not empty, "a record is far smaller than a batch"
                sent.append(await self._send_batch(batch, topic, partition))
                batch = self._producer.create_batch()
                fits = put(batch, record)
                assert fits, "a record is far smaller than a batch"
            empty = False
        sent.append(await self._send_batch(batch, topic, partition))
        return sent

    async def _send_batch(self, batch: Any, topic: str, partition: int) -> asyncio.Future[Any]:
        assert self._producer is not None, "started"
        batch.close()
        sent = await guarded(self._producer.send_batch(batch, topic, partition=partition))
        sent.add_done_callback(lambda done: report(done, topic, None))
        return sent  # type: ignore[no-any-return]


def put(batch: Any, record: Record) -> bool:
    """Puts a record into a batch; False: it is full."""
    return batch.append(key=record.key, value=record.value, timestamp=None, headers=list(record.headers)) is not None


async def confirmed(sent: Iterable[Awaitable[Any]]) -> None:
    """Waits until all of these are confirmed; a refusal ends the process."""
    for each in sent:
        await guarded(each)


async def guarded(sending: Awaitable[Any]) -> Any:
    """The result of a send; a refusal ends the process before anything is acknowledged."""
    try:
        return await sending
    except (KafkaError, OSError, AssertionError) as error:
        fail_stop("send_failed", type(error).__name__)


def report(done: asyncio.Future[Any], topic: str, confirmed: Confirmed | None) -> None:
    """Callback of a send: passes the confirmation on, or ends the process because there will be none."""
    if done.cancelled():
        return
    try:
        confirmation = done.result()
    except Exception as error:
        fail_stop("send_failed", f"{topic}: {type(error).__name__}")
    if confirmed is not None:
        confirmed(confirmation)
