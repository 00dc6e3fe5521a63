"""Faust's consumer, changed in the places where its defaults lose or delay events. All private parts are in this file.

What differs from faust-streaming 0.15.3, which is pinned (decision 0006; tests/worker/test_transport.py fails when an
overridden method changes):
- a poll is delivered as one batch for each partition, not as one message after the other;
- after recovery each partition of the log is sought to its marker, not to the group's commit;
- a batch is acknowledged as a whole, and only when we say so;
- what was fetched before partitions moved or were sought is read again, never taken for the next records;
- how long a broker may hold back an answer to a fetch is a setting.
"""

from __future__ import annotations

import asyncio
import types
from collections.abc import Callable, Generator, Iterable, Mapping
from typing import Any, ClassVar

from aiokafka.errors import ConsumerStoppedError
from faust.transport.drivers import TRANSPORTS
from faust.transport.drivers import aiokafka as driver
from faust.types import TP, ConsumerMessage
from faust.types.tuples import ack_lock
from mode.utils.futures import notify

from agents.platform.fail_stop import fail_stop

SCHEME = "crs"
CHUNK = 1000  # records delivered at once, so that one partition does not keep the others waiting


class Batch(ConsumerMessage):
    """Consecutive records of one partition; `value` is their list."""

    first_offset: int = 0


class ConsumerThread(driver.AIOKafkaConsumerThread):
    """As Faust's, with our fetch wait."""

    def _create_worker_consumer(self, transport: Any) -> Any:
        consumer = super()._create_worker_consumer(transport)
        consumer._fetch_max_wait_ms = BatchTransport.fetch_wait_ms
        return consumer

    def verify_event_path(self, now: float, tp: Any) -> None:
        """Faust only says that a stream stands still, and is wrong about batches; our watchdog acts (fence.py)."""


class BatchConsumer(driver.Consumer):
    """Delivers polls as batches."""

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self._gone_back: dict[TP, int] = {}
        self._seeking = asyncio.Lock()
        self._seeks = 0

    def _new_consumer_thread(self) -> Any:
        return ConsumerThread(self, loop=self.loop, beacon=self.beacon)

    def ack(self, message: Any) -> bool:
        """Marks all records of a batch as done, those that are marked already once only.

        Batches that wait to be confirmed while partitions are shared out anew are read again, and done twice.
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
        """To the committed offsets first; then the log to its markers, which are what the rows go with.

        A feed of which nothing was ever committed goes back to its beginning: Faust would leave it where it is.
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
        """In the consumer's own thread: Faust does it in ours, under the hands of a fetch, which then breaks."""
        thread: Any = self._thread
        await thread.call_thread(thread.seek, partition, offset)

    async def _drain_messages(self, fetcher: Any) -> None:
        try:
            while not (self._stopped.is_set() or fetcher._stopped.is_set()):
                await self.sleep(0)
                if self.should_stop:
                    break
                generation, seeks = self.app.consumer_generation_id, self._seeks
                try:
                    records, active = await self._wait_next_records(1.0)
                except KeyError:
                    # aiokafka was gathering records when its partitions were sought: what it had in hand is gone.
                    await self._go_back(self.assignment())
                    continue
                if records is None or self.should_stop:
                    continue
                if not self.flow_active:
                    # What was just read is not delivered: it must be read again.
                    await self._seek_again()
                    continue
                async with self._seeking:  # Nobody seeks while records are handed over.
                    if self.app.consumer_generation_id != generation or self._seeks != seeks:
                        await self._go_back(records)
                        continue
                    left = set(records)
                    for tp, found in records.items():
                        if self.suspend_flow.is_set() or self.app.consumer_generation_id != generation:
                            left = set(records)
                            break
                        if active is None or tp in active or tp in self._buffered_partitions:
                            await self._hand_over(tp, found, generation)
                            left.discard(tp)
                    if left:
                        await self._go_back(left)
        except (ConsumerStoppedError, asyncio.CancelledError):
            if not self.transport.app.should_stop:
                raise
        except Exception as error:
            # Nothing would be read any more, and Faust would not say so.
            self.log.exception("reading has failed")
            fail_stop("consumer", type(error).__name__)

    async def _seek_again(self) -> None:
        try:
            await self.perform_seek()
        except Exception as error:  # The assignment is changing: whoever has it next seeks for itself.
            self.log.info("not sought while partitions move: %r", error)

    async def _go_back(self, partitions: Iterable[TP]) -> None:
        """Records were taken out of these partitions and will not be delivered: they must come again."""
        try:
            for tp in set(partitions) & self.assignment():
                await self._seek(tp, self._read_offset.get(tp) or 0)
        except Exception as error:  # The assignment is changing: whoever has it next seeks for itself.
            self.log.info("not sought while partitions move: %r", error)

    async def _hand_over(self, tp: TP, records: list[Any], generation: int) -> None:
        """The records of one partition: one by one if they are a changelog's, else in batches."""
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
            return  # Nobody has sought it since partitions moved; whoever does will say where to begin.
        first = records[0].offset
        if first > read and not await self._nothing_between(tp, read, first):
            return
        self.app.monitor.track_tp_end_offset(tp, self.highwater(tp))
        for start in range(0, len(records), CHUNK):
            if self.suspend_flow.is_set() or self.app.consumer_generation_id != generation:
                return
            part = records[start : start + CHUNK]
            await self._deliver(self._batch(tp, part, read, generation))
            read = self._read_offset[tp] = part[-1].offset + 1

    async def _nothing_between(self, tp: TP, read: int, first: int) -> bool:
        """Whether there are no records between what was read and what has come; else they are read again.

        What was fetched before partitions were sought anew comes too early: to go on from there would lose the rest.
        Where going back changes nothing, the offsets are a transaction's marks or were cut by retention.
        """
        if self._gone_back.get(tp) == read or (await self.earliest_offsets(tp))[tp] >= first:
            return True
        self.log.info("%s/%d: offset %d came and %d is next: going back", tp.topic, tp.partition, first, read)
        self._gone_back[tp] = read
        await self._go_back([tp])
        return False

    def _batch(self, tp: TP, part: list[Any], read: int, generation: int) -> Batch:
        last = part[-1]
        seconds = last.timestamp / 1000.0
        batch = Batch(
            last.topic,
            last.partition,
            last.offset,
            seconds,
            last.timestamp_type,
            [],
            None,
            part,  # type: ignore[arg-type]  # a list where Faust expects bytes: nothing of Faust's looks inside
            None,
            None,
            None,
            tp,
            generation_id=generation,
        )
        # From where we had read to, so that a gap (offsets that hold nothing) does not stop the commits.
        batch.first_offset = read
        return batch

    async def _deliver(self, message: Any) -> None:
        """Hands a message to its stream. Usually that never waits, and then needs neither task nor event loop."""
        delivery: Any = self.callback(message)
        try:
            waiting = delivery.send(None)
        except StopIteration:
            return
        await self.wait_first(_go_on(delivery, waiting), self.suspend_flow.wait())


async def _go_on(coroutine: Any, waiting: Any) -> Any:
    return await _resumed(coroutine, waiting)


@types.coroutine
def _resumed(coroutine: Any, waiting: Any) -> Generator[Any, Any, Any]:
    """Goes on with a coroutine that was started by hand and now waits for something."""
    while True:
        if hasattr(waiting, "_asyncio_future_blocking"):
            waiting._asyncio_future_blocking = True
        try:
            answer = yield waiting
        except BaseException as error:
            try:
                waiting = coroutine.throw(error)
            except StopIteration as done:
                return done.value
        else:
            try:
                waiting = coroutine.send(answer)
            except StopIteration as done:
                return done.value


class BatchTransport(driver.Transport):
    """Faust makes its consumer by way of this class, so what the consumer must know is set here, once a process."""

    Consumer: ClassVar[type] = BatchConsumer

    batched: ClassVar[frozenset[str]] = frozenset()  # topics whose polls are delivered as batches
    fetch_wait_ms: ClassVar[int] = 500
    markers: ClassVar[Callable[[], Mapping[TP, int]]] = staticmethod(dict)


TRANSPORTS.aliases[SCHEME] = "agents.stream.faust_transport:BatchTransport"
