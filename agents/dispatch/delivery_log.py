"""The delivery log: a compacted topic with one row per alert, partitioned like the alerts topic."""

from __future__ import annotations

import asyncio
import logging
from time import monotonic
from typing import Any

from aiokafka.errors import KafkaError, KafkaTimeoutError

from agents.platform.fail_stop import Fence, fail_stop

StoredRow = tuple[int, bytes, bytes | None]
RETRY_SECONDS = 0.5
LONGEST_WRITE_SECONDS = 900.0

log = logging.getLogger("crs.dispatch")


class DeliveryLog:
    """Writes rows in order, in batches. `write` returns a future that is done when its rows are confirmed."""

    def __init__(self, producer: Any, topic: str, fence: Fence) -> None:
        self.producer = producer
        self.topic = topic
        self.fence = fence
        self._waiting: list[tuple[list[StoredRow], asyncio.Future[None]]] = []
        self._changed = asyncio.Event()
        self._last: asyncio.Future[None] | None = None
        self.writing_since: float | None = None

    def write(self, rows: list[StoredRow]) -> asyncio.Future[None]:
        """The future is done when the brokers have confirmed these rows and all before them."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if rows:
            self._waiting.append((rows, done))
            self._last = done
            self._changed.set()
        else:
            done.set_result(None)
        return done

    async def run(self) -> None:
        """Writes until cancelled. While brokers are away, the pages of unwritten rows wait."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            batch, self._waiting = self._waiting, []
            latest = {(partition, key): value for rows, _ in batch for partition, key, value in rows}
            await self._write(latest)
            for _, done in batch:
                if not done.cancelled():
                    done.set_result(None)

    async def _write(self, rows: dict[tuple[int, bytes], bytes | None]) -> None:
        """Writes all rows, retrying while brokers are away. A permanent error, or 15 minutes, is a fail stop."""
        self.writing_since = monotonic()
        while True:
            self.fence.check()
            try:
                sent = [
                    await self.producer.send(self.topic, value, key=key, partition=partition)
                    for (partition, key), value in rows.items()
                ]
                await asyncio.gather(*sent)
                self.writing_since = None
                return
            except KafkaError as error:
                log.warning("rows not written why=%s", type(error).__name__)
                retriable = error.retriable or isinstance(error, KafkaTimeoutError)
                if not retriable or self.writing_seconds > LONGEST_WRITE_SECONDS:
                    fail_stop("write_refused", type(error).__name__)
                await asyncio.sleep(RETRY_SECONDS)

    @property
    def writing_seconds(self) -> float:
        """For how long the rows of the current batch are not confirmed; 0: nothing is being written."""
        return 0.0 if self.writing_since is None else monotonic() - self.writing_since

    async def flush(self) -> None:
        """Waits until everything that was given so far is written."""
        if self._last is not None:
            await asyncio.shield(self._last)
