"""What was told to whom, written down: a compacted topic with a row for each alert, beside the alerts' partitions."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from agents.dispatch.stop import fail_stop

Row = tuple[int, bytes, bytes | None]


class Delivered:
    """Writes rows in the order in which they were decided, many at a time; each writer can wait for its own."""

    def __init__(self, producer: Any, topic: str) -> None:
        self.producer = producer
        self.topic = topic
        self._waiting: list[tuple[list[Row], asyncio.Future[None]]] = []
        self._something = asyncio.Event()
        self._last: asyncio.Future[None] | None = None

    def write(self, rows: list[Row]) -> asyncio.Future[None]:
        """Done when the brokers have confirmed these rows, and all before them."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if rows:
            self._waiting.append((rows, done))
            self._last = done
            self._something.set()
        else:
            done.set_result(None)
        return done

    async def run(self) -> None:
        """Writes until cancelled. A write that fails ends the process: what is not remembered must not be done."""
        while True:
            await self._something.wait()
            self._something.clear()
            batch, self._waiting = self._waiting, []
            latest = {(partition, key): value for rows, _ in batch for partition, key, value in rows}
            try:
                sent = [
                    await self.producer.send(self.topic, value, key=key, partition=partition)
                    for (partition, key), value in latest.items()
                ]
                await asyncio.gather(*sent)
            except Exception as error:
                fail_stop("write_refused", type(error).__name__)
            for _, done in batch:
                if not done.cancelled():
                    done.set_result(None)

    async def flush(self) -> None:
        """Waits for everything that was given to be written so far."""
        if self._last is not None:
            await asyncio.shield(self._last)


async def read_partition(
    consumer: Any, partition: Any, take: Callable[[bytes, bytes | None], None], beat: Callable[[], None] = lambda: None
) -> None:
    """Reads a partition from its beginning to where it ends now. `consumer` has it assigned, and no group."""
    end = (await consumer.end_offsets([partition]))[partition]
    await consumer.seek_to_beginning(partition)
    while await consumer.position(partition) < end:
        for records in (await consumer.getmany(partition, timeout_ms=200)).values():
            for record in records:
                if record.key is not None:
                    take(record.key, record.value)
        beat()
