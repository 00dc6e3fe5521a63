"""Faust's consumer, changed where its defaults lose events. Only this file and membership.py touch its private parts.

What differs from faust-streaming 0.15.3, which is pinned (decision 0006; tests/worker/test_transport.py fails when an
overridden method changes):
- a poll is delivered as one batch for each partition, not as one message after the other;
- after recovery each partition of the log is sought to its marker, not to the group's commit;
- a batch is acknowledged as a whole, and only by the worker;
- records that were fetched before a rebalance or a seek are read again, never taken for the next ones;
- how long a broker may delay its answer to a fetch is a setting.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar

from aiokafka.errors import ConsumerStoppedError
from faust.transport.drivers import TRANSPORTS
from faust.transport.drivers import aiokafka as driver
from faust.types import TP
from faust.types.tuples import ack_lock
from mode.utils.futures import notify

from agents.platform.fail_stop import fail_stop
from agents.stream import eager_start
from agents.stream.batch import Batch, batch_of

SCHEME = "crs"
CHUNK = 1000  # records delivered at once, so that one partition does not keep the others waiting


class ConsumerThread(driver.AIOKafkaConsumerThread):
    """The thread of the aiokafka consumer, with our fetch wait."""

    def _create_worker_consumer(self, transport: Any) -> Any:
        consumer = super()._create_worker_consumer(transport)
        consumer._fetch_max_wait_ms = BatchTransport.fetch_wait_ms
        return consumer

    def verify_event_path(self, now: float, tp: Any) -> None:
        """Does nothing. Faust would log that a stream stalls, wrongly for batches; our watchdog acts (fail_stop.py)."""


class BatchConsumer(driver.Consumer):
    """Delivers each poll as one batch for each partition."""

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self._gone_back: dict[TP, int] = {}
        self._seeking = asyncio.Lock()
        self._seeks = 0

    def _new_consumer_thread(self) -> Any:
        return ConsumerThread(self, loop=self.loop, beacon=self.beacon)

    def ack(self, message: Any) -> bool:
        """Marks all records of a batch as done; one that is marked already is not counted again.

        A batch that waits for its confirmation during a rebalance is read again and acknowledged twice.
        """
        if not isinstance(message, Batch):
            return bool(super().ack(message))
        with ack_lock:
            if message.acked or message.generation_id != self.app.consumer_generation_id:
                return False
            message.acked = True
            self._unacked_messages.discard(message)
            done = self._acked_index[message.tp]
            new = [offset for offset in range(message.first_offset, message.offset + 1) if offset not in done]
            done.update(new)
            self._acked[message.tp].extend(new)
            self._n_acked += 1
            notify(self._waiting_for_ack)
            return True

    async def perform_seek(self) -> None:
        """Seeks to the committed offsets, then the log to its markers, which belong to the rows.

        A feed without a commit is sought to its beginning: Faust would leave it where it is.
        """
        async with self._seeking:
            self._seeks += 1
            self._gone_back.clear()
            await super().perform_seek()
            await self._seek_markers()

    async def _seek_markers(self) -> None:
        owned = self.assignment()
        wanted = dict(BatchTransport.markers())
        fresh = [tp for tp in owned if tp.topic in BatchTransport.batched and self._read_offset.get(tp) is None]
        if fresh := [tp for tp in fresh if tp not in wanted]:
            wanted |= await self.earliest_offsets(*fresh)
        for tp, offset in wanted.items():
            if tp in owned and self._read_offset.get(tp) != offset:
                await self.seek(tp, offset)
                self._read_offset[tp] = self._committed_offset[tp] = offset

    async def _seek(self, partition: TP, offset: int) -> None:
        """Seeks in the consumer's thread. Faust does it in the event loop's thread, in a race with a running fetch."""
        thread: Any = self._thread
        await thread.call_thread(thread.seek, partition, offset)

    async def _drain_messages(self, fetcher: Any) -> None:
        try:
            while not (self._stopped.is_set() or fetcher._stopped.is_set()):
                await self.sleep(0)
                if self.should_stop:
                    break
                await self._poll()
        except (ConsumerStoppedError, asyncio.CancelledError):
            if not self.transport.app.should_stop:
                raise
        except Exception as error:
            # Faust would read nothing more and would not report it.
            fail_stop("consumer", type(error).__name__)

    async def _poll(self) -> None:
        """Fetches once and delivers what came, unless a rebalance or a seek has made it useless meanwhile."""
        generation, seeks = self.app.consumer_generation_id, self._seeks
        try:
            records, active = await self._wait_next_records(1.0)
        except KeyError:
            # A seek while aiokafka was gathering records: those that it had taken are lost.
            await self._go_back(self.assignment())
            return
        if records is None or self.should_stop:
            return
        if not self.flow_active:
            # The records just fetched are not delivered: they must be read again.
            await self._seek_again()
            return
        async with self._seeking:  # No seek may happen while records are delivered.
            if self.app.consumer_generation_id != generation or self._seeks != seeks:
                await self._go_back(records)
                return
            await self._deliver_poll(records, active, generation)

    async def _deliver_poll(self, records: Mapping[TP, list[Any]], active: Any, generation: int) -> None:
        """Delivers the records of every active partition; the others are read again."""
        left = set(records)
        for tp, found in records.items():
            if self.suspend_flow.is_set() or self.app.consumer_generation_id != generation:
                left = set(records)
                break
            if active is None or tp in active or tp in self._buffered_partitions:
                await self._deliver_partition(tp, found, generation)
                left.discard(tp)
        if left:
            await self._go_back(left)

    async def _seek_again(self) -> None:
        try:
            await self.perform_seek()
        except Exception as error:  # The assignment is changing: the next owner seeks for itself.
            self.log.info("no seek during a rebalance: %r", error)

    async def _go_back(self, partitions: Iterable[TP]) -> None:
        """Seeks back: records of these partitions were fetched and will not be delivered."""
        try:
            for tp in set(partitions) & self.assignment():
                await self._seek(tp, self._read_offset.get(tp) or 0)
        except Exception as error:  # The assignment is changing: the next owner seeks for itself.
            self.log.info("no seek during a rebalance: %r", error)

    async def _deliver_partition(self, tp: TP, records: list[Any], generation: int) -> None:
        """Delivers the records of one partition: one by one of a changelog, otherwise in batches."""
        read = self._read_offset[tp]
        if read is not None and records[0].offset < read:
            records = [record for record in records if record.offset >= read]
        if not records:
            return
        if tp.topic not in BatchTransport.batched:
            for record in records:
                await self._deliver(self._to_message(tp, record))
                self._read_offset[tp] = record.offset
            return
        if read is None:
            return  # Not sought since the rebalance: the seek will say where to begin.
        first = records[0].offset
        if first > read and not await self._is_next(tp, read, first):
            return
        self.app.monitor.track_tp_end_offset(tp, self.highwater(tp))
        for start in range(0, len(records), CHUNK):
            if self.suspend_flow.is_set() or self.app.consumer_generation_id != generation:
                return
            part = records[start : start + CHUNK]
            await self._deliver(batch_of(tp, part, read, generation))
            read = self._read_offset[tp] = part[-1].offset + 1

    async def _is_next(self, tp: TP, read: int, first: int) -> bool:
        """Whether no records lie between the next expected offset and the first that came; if some may, seeks back.

        Records fetched before a seek can come after it: to go on from there would lose those in between. Where going
        back changes nothing, the offsets are transaction markers or were deleted by retention.
        """
        if self._gone_back.get(tp) == read or (await self.earliest_offsets(tp))[tp] >= first:
            return True
        self.log.info("%s/%d: offset %d came and %d is next: going back", tp.topic, tp.partition, first, read)
        self._gone_back[tp] = read
        await self._go_back([tp])
        return False

    async def _deliver(self, message: Any) -> None:
        """Delivers a message to its stream."""
        delivery: Any = self.callback(message)
        ended, waiting = eager_start.start(delivery)
        if not ended:
            await self.wait_first(eager_start.resume(delivery, waiting), self.suspend_flow.wait())


class BatchTransport(driver.Transport):
    """Faust creates its consumer through this class, so the consumer's settings are class variables, set once."""

    Consumer: ClassVar[type] = BatchConsumer

    batched: ClassVar[frozenset[str]] = frozenset()  # topics whose polls are delivered as batches
    fetch_wait_ms: ClassVar[int] = 500
    markers: ClassVar[Callable[[], Mapping[TP, int]]] = staticmethod(dict)


TRANSPORTS.aliases[SCHEME] = "agents.stream.faust_transport:BatchTransport"
