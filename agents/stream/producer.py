"""What a worker sends: every write is confirmed by all brokers that must hold it, or the process ends.

One producer of our own, with the public interface of aiokafka: Faust's gives up silently.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from agents.engine.changelog import Record
from agents.platform.fail_stop import Fence, fail_stop
from agents.platform.settings import Settings

BATCH_BYTES = 900_000  # below a broker's usual limit of 1 MiB
LINGER_MS = 2

ProducerHeaders = Sequence[tuple[str, bytes]]
Confirmed = Callable[[Any], None]


class ConfirmedProducer:
    """Sends, and keeps what is not yet confirmed."""

    def __init__(self, settings: Settings, fence: Fence) -> None:
        self._settings = settings
        self._fence = fence
        self._producer: AIOKafkaProducer | None = None

    async def start(self) -> None:
        """Connects."""
        self._producer = AIOKafkaProducer(
            acks="all",
            linger_ms=LINGER_MS,
            max_batch_size=BATCH_BYTES,
            max_request_size=1_000_000,
            request_timeout_ms=round(self._settings.send_timeout_seconds * 1000),
            **self._settings.aiokafka(),
        )
        await self._producer.start()

    async def stop(self) -> None:
        """Sends what is left, and disconnects."""
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
        """Hands one message over. What comes back is done when brokers have it; a refusal ends the process."""
        self._fence.check()
        assert self._producer is not None, "started"
        sent = await guarded(
            self._producer.send(topic, value=value, key=key, partition=partition, headers=list(headers))
        )
        sent.add_done_callback(lambda done: report(done, topic, confirmed))
        return sent  # type: ignore[no-any-return]

    async def append(self, topic: str, partition: int, records: Iterable[Record]) -> list[asyncio.Future[Any]]:
        """Hands many records over, in one record batch if they fit: a batch is appended whole or not at all.

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
    """Waits until all of these are confirmed."""
    for each in sent:
        await guarded(each)


async def guarded(sending: Awaitable[Any]) -> Any:
    """The result of a send; any refusal ends the process before anything is acknowledged."""
    try:
        return await sending
    except (KafkaError, OSError, AssertionError) as error:
        fail_stop("send_failed", type(error).__name__)


def report(done: asyncio.Future[Any], topic: str, confirmed: Confirmed | None) -> None:
    """A message was confirmed, or will never be."""
    if done.cancelled():
        return
    error = done.exception()
    if error is not None:
        fail_stop("send_failed", f"{topic}: {type(error).__name__}")
    if confirmed is not None:
        confirmed(done.result())
