"""Watch: judges each batch of the log, publishes alerts, then writes rows and marker, then acknowledges the batch.

Alerts are sent with the batch that caused them. Rows and marker are written with every batch or, write-behind, once in
`checkpoint_seconds`; only then is a batch acknowledged. After a crash the log is read again from the marker, and alerts
that were sent before are sent again with the same ids.
"""

from __future__ import annotations

import asyncio
import gc
import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from time import monotonic, perf_counter
from typing import Any

from agents.engine import changelog
from agents.engine.changelog import Marker, PartitionRows
from agents.engine.log_time import Ticks
from agents.engine.outcome import Defect
from agents.engine.partition import Partition
from agents.engine.partitioning import belongs_to
from agents.engine.records import LogRecord
from agents.platform.fail_stop import fail_stop
from agents.platform.settings import Settings
from agents.stream import metrics
from agents.stream.owned_partition import OwnedPartition
from agents.stream.producer import ConfirmedProducer, confirmed
from agents.stream.publication import Publisher
from agents.stream.ward_collector import WARD
from monitor.guidelines.in_force import Guideline
from monitor.record import row
from schemas import topics

SLICE_SECONDS = 0.05  # of judging without a pause: longer, and the fence would take us for a paused process
ROWS_AT_ONCE = 500  # rows decoded before the event loop runs again

log = logging.getLogger("crs.watch")


class PartitionWatch:
    """All partitions of the log that this worker owns. One batch or checkpoint at a time."""

    def __init__(
        self,
        settings: Settings,
        guideline: Guideline,
        producer: ConfirmedProducer,
        recovered_rows: Callable[[int], PartitionRows],
        generation: Callable[[], int],
        log_begin: Callable[[int], Awaitable[int]],
    ) -> None:
        """`recovered_rows`: the rows of a partition, as read from the changelog. `generation`: of the consumer group.
        `log_begin`: the first offset that a partition of the log still has."""
        self.settings = settings
        self.guideline = guideline
        self.producer = producer
        self.publisher = Publisher(settings, guideline, producer)
        self.partitions: dict[int, OwnedPartition] = {}
        self.judged_at = monotonic()
        self._recovered_rows = recovered_rows
        self._generation = generation
        self._log_begin = log_begin
        self._lock = asyncio.Lock()
        self._log = settings.topic(topics.PATIENT_EVENTS)

    async def take(
        self,
        partition: int,
        records: Sequence[LogRecord],
        generation: int,
        acknowledge: Callable[[], Any],
        since: int | None = None,
    ) -> None:
        """Judges a batch of one partition. `acknowledge` is called once its rows are written.

        `since`: the log has no other records from this offset on; left out: from the first record's on.
        """
        async with self._lock:
            if generation != self._generation():
                return
            owned = self.partitions.get(partition)
            if owned is None or owned.generation != generation:
                owned = await self._claim(partition, generation)
            await self._check_gap(owned, records[0].offset if since is None else since)
            if generation != self._generation():
                return
            judged = 0
            while judged < len(records):
                judged += await self._judge(owned, time_slice(records, judged))
                await asyncio.sleep(0)
                if generation != self._generation():
                    return
            owned.acknowledgements.append(acknowledge)
            if self.judged_at - owned.written_at >= self.settings.checkpoint_seconds:
                await self._flush(owned)

    async def checkpoint(self, *, whole: bool = False) -> None:
        """Writes the rows that are due, or all of them."""
        async with self._lock:
            for owned in list(self.partitions.values()):
                due = monotonic() - owned.written_at >= self.settings.checkpoint_seconds
                if owned.generation == self._generation() and owned.acknowledgements and (due or whole):
                    await self._flush(owned)

    def release(self) -> None:
        """Drops all partitions from memory: another worker may own them after the rebalance."""
        self.partitions.clear()
        WARD.disown()
        metrics.OWNED.set(0)

    async def _judge(self, owned: OwnedPartition, records: Iterator[LogRecord]) -> int:
        """Judges some records and publishes what came of them. Gives how many there were."""
        started = perf_counter()
        outcome = owned.partition.apply(records)
        judged = outcome.dispositions.total()
        metrics.count_outcome(outcome, judged, perf_counter() - started, self._log, owned.number)
        log_defects(outcome.defects, owned.number)
        await self.publisher.publish(owned, outcome)
        owned.unwritten |= outcome.touched
        owned.unpublished |= outcome.touched
        await self.publisher.publish_states(owned, outcome)
        self.judged_at = monotonic()
        return judged

    async def _claim(self, partition: int, generation: int) -> OwnedPartition:
        """Takes a partition over: decodes its recovered rows, and writes a marker with a higher fencing epoch."""
        recovered = self._recovered_rows(partition)
        rows = await decode_rows(recovered)
        judged = Partition(
            self.guideline,
            partition,
            self._log,
            rows=rows,
            next_offset=recovered.marker.next_offset,
            ticks=Ticks(*recovered.marker.ticks),
            owns_patient=belongs_to(partition, self.settings.partitions),
        )
        owned = OwnedPartition(judged, recovered, recovered.epoch + 1, generation, monotonic())
        if generation != self._generation():
            return owned  # Another worker may own it by now, so it is not claimed.
        await self._append(owned, {})
        self.partitions[partition] = owned
        gc.freeze()  # States have no reference cycles, so the collector need not search all patients again and again.
        WARD.own(partition, judged.patients.states)
        metrics.OWNED.set(len(self.partitions))
        log.info("partition %d: %d patients, from offset %d", partition, len(rows), judged.next_offset)
        return owned

    async def _check_gap(self, owned: OwnedPartition, first: int) -> None:
        """Ends the process if records between the marker and the first delivered one would be lost silently."""
        partition, wanted = owned.number, owned.partition.next_offset
        if first <= wanted:
            return
        begins = await self._log_begin(partition)
        if first > begins:
            fail_stop("gap", f"partition {partition}: offset {first} came, {wanted} is next")
        if wanted > 0:
            metrics.LOG_CUT.inc(first - wanted)
            log.error("partition %d: offsets %d to %d are gone from the log unread", partition, wanted, first - 1)

    async def _flush(self, owned: OwnedPartition) -> None:
        """Waits until everything sent is confirmed, writes rows and marker, then acknowledges the batches."""
        unconfirmed, owned.unconfirmed = owned.unconfirmed, []
        await confirmed(unconfirmed)
        unwritten, owned.unwritten = owned.unwritten, {}
        acknowledgements, owned.acknowledgements = owned.acknowledgements, []
        if owned.generation != self._generation():
            return  # Another worker may own the partition: it reads the log again from the marker.
        await self._append(owned, {patient_id: owned.partition.row(patient_id) for patient_id in unwritten})
        metrics.ROWS.inc(len(unwritten))
        if owned.generation != self._generation():
            return
        for acknowledge in acknowledgements:
            acknowledge()

    async def _append(self, owned: OwnedPartition, rows: Mapping[str, row.Row]) -> None:
        marker = Marker(owned.partition.next_offset, owned.epoch, owned.partition.ticks)
        records = list(changelog.records_of(rows, marker))
        sent = await self.producer.append(self.settings.changelog, owned.number, records)
        await confirmed(sent)
        last = sent[-1].result().offset
        for record in records:
            owned.rows.take(last, record.key, record.value, record.headers)
        owned.written_at = monotonic()


async def decode_rows(recovered: PartitionRows) -> dict[str, row.Row]:
    """The rows by patient id. A row of ours that cannot be read ends the process: its patient would be forgotten."""
    rows: dict[str, row.Row] = {}
    try:
        for patient_id, one in recovered.decoding():
            rows[patient_id] = one
            if len(rows) % ROWS_AT_ONCE == 0:
                await asyncio.sleep(0)
    except row.RowError as error:
        fail_stop("rows_unreadable", error)
    return rows


def time_slice(records: Sequence[LogRecord], start: int) -> Iterator[LogRecord]:
    """Records from `start` on, at least one, until SLICE_SECONDS have passed."""
    until = perf_counter() + SLICE_SECONDS
    for place in range(start, len(records)):
        yield records[place]
        if perf_counter() > until:
            return


def log_defects(defects: Sequence[Defect], partition: int) -> None:
    """One line for each place in the code at which judging failed; neither patient nor values are in it."""
    offsets: dict[str, list[int]] = defaultdict(list)
    for defect in defects:
        offsets[defect.place].append(defect.offset)
    for place, at in offsets.items():
        log.error("defect: judging failed %d times: %s, first at log=%d/%d", len(at), place, partition, at[0])
