"""Watch: folds the log's batches and tells what came of them. Alerts first, then rows and marker, then it acknowledges.

Alerts are sent with the batch that caused them. Rows and marker are written for every batch or, write-behind, once in
`checkpoint_seconds`; only then is a batch acknowledged. After a crash the log is read again from the marker, and what
was told already is told again with the same ids.
"""

from __future__ import annotations

import asyncio
import gc
import json
import logging
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from time import monotonic, perf_counter, time
from typing import Any

from agents.engine import changelog
from agents.engine.changelog import Marker, PartitionRows
from agents.engine.partition import AlertFromRecord, Outcome, Partition, Ticks
from agents.engine.partitioning import partition_of
from agents.platform.fail_stop import fail_stop
from agents.platform.settings import Settings
from agents.stream import metrics
from agents.stream.producer import ConfirmedProducer, confirmed
from monitor.guidelines.in_force import Guideline
from monitor.patient_view import view
from monitor.record import row
from monitor.units.instants import to_datetime
from schemas import topics

HEARTBEAT_SECONDS = 10.0
SWEEP_SECONDS = 1.0
SPELL_SECONDS = 0.05  # of judging at once: a loop that does not turn looks like a machine that stood still
ROWS_AT_ONCE = 500  # rows read before the loop turns
HEARTBEAT = [("kind", b"heartbeat")]

log = logging.getLogger("crs.watch")


@dataclass(slots=True)
class OwnedPartition:
    """One partition at work: its patients, and what is not yet written down about them."""

    shard: Partition
    held: PartitionRows
    epoch: int
    generation: int
    written_at: float
    swept_at: float = 0.0
    dirty: dict[str, None] = field(default_factory=dict)
    unpublished: dict[str, None] = field(default_factory=dict)
    published_at: dict[str, float] = field(default_factory=dict)
    sent: list[asyncio.Future[Any]] = field(default_factory=list)
    batches: list[Callable[[], Any]] = field(default_factory=list)
    beat_at: float = 0.0


class PartitionWatch:
    """All partitions of this worker. One batch or checkpoint at a time."""

    def __init__(
        self,
        settings: Settings,
        guideline: Guideline,
        outbox: ConfirmedProducer,
        held: Callable[[int], PartitionRows],
        generation: Callable[[], int],
        log_begins: Callable[[int], Awaitable[int]],
    ) -> None:
        """`held`: the recovered rows of a partition. `generation`: how often the workers shared out the partitions.
        `log_begins`: the first offset that a partition of the log still has."""
        self.settings = settings
        self.guideline = guideline
        self.outbox = outbox
        self.desks: dict[int, OwnedPartition] = {}
        self.folded_at = monotonic()
        self._held = held
        self._generation = generation
        self._log_begins = log_begins
        self._lock = asyncio.Lock()
        self._log = settings.topic(topics.PATIENT_EVENTS)
        self._alerts = settings.topic(topics.ALERTS)
        self._states = settings.topic(topics.PATIENT_STATE)
        self._letters = settings.topic(topics.DEAD_LETTERS)

    async def take(
        self,
        partition: int,
        records: list[Any],
        generation: int,
        acknowledge: Callable[[], Any],
        since: int | None = None,
    ) -> None:
        """A batch of one partition. `acknowledge` is called once its rows are written down.

        `since`: the offset from which on these are all records that there are; left out: their first one's.
        """
        async with self._lock:
            if generation != self._generation():
                return
            desk = self.desks.get(partition)
            if desk is None or desk.generation != generation:
                desk = await self._claim(partition, generation)
            await self._check_gap(desk, records[0].offset if since is None else since)
            if generation != self._generation():
                return
            folded = 0
            while folded < len(records):
                folded += await self._fold(desk, partition, time_slice(records, folded))
                await asyncio.sleep(0)
                if generation != self._generation():
                    return
            desk.batches.append(acknowledge)
            if self.folded_at - desk.written_at >= self.settings.checkpoint_seconds:
                await self._flush(partition, desk)

    async def _fold(self, desk: OwnedPartition, partition: int, records: Iterator[Any]) -> int:
        """Some records: judged, and told at once. Gives how many."""
        started = perf_counter()
        outcome = desk.shard.apply(records)
        folded = outcome.dispositions.total()
        count(outcome, folded, perf_counter() - started, self._log, partition)
        await self._publish_alerts(desk, partition, outcome)
        desk.dirty |= outcome.touched
        desk.unpublished |= outcome.touched
        await self._publish_states(desk, partition, outcome)
        self.folded_at = monotonic()
        return folded

    async def checkpoint(self, *, whole: bool = False) -> None:
        """Writes down what is due, or everything."""
        async with self._lock:
            for partition, desk in list(self.desks.items()):
                due = monotonic() - desk.written_at >= self.settings.checkpoint_seconds
                if desk.generation == self._generation() and desk.batches and (due or whole):
                    await self._flush(partition, desk)

    def release(self) -> None:
        """The partitions are shared out anew: what is in memory may be another's soon."""
        self.desks.clear()
        metrics.WARD.disown()
        metrics.OWNED.set(0)

    async def _claim(self, partition: int, generation: int) -> OwnedPartition:
        """Takes a partition over: its rows as recovered, and a marker of a higher epoch that says whose it is now."""
        held = self._held(partition)
        rows: dict[str, row.Row] = {}
        try:
            for patient_id, one in held.decoding():
                rows[patient_id] = one
                if len(rows) % ROWS_AT_ONCE == 0:
                    await asyncio.sleep(0)
        except row.RowError as error:
            fail_stop("rows_unreadable", error)
        shard = Partition(
            self.guideline,
            partition,
            self._log,
            rows=rows,
            next_offset=held.marker.next_offset,
            ticks=Ticks(*held.marker.ticks),
            owns_patient=partial(self._owns_patient, partition),
        )
        desk = OwnedPartition(shard, held, held.epoch + 1, generation, monotonic())
        if generation != self._generation():
            return desk  # It is another's by now: no claim.
        await self._append(partition, desk, {})
        self.desks[partition] = desk
        gc.freeze()  # States hold no cycles: the collector need not look through all patients again and again.
        metrics.WARD.own(partition, shard.fold.states)
        metrics.OWNED.set(len(self.desks))
        log.info("partition %d: %d patients, from offset %d", partition, len(rows), shard.next_offset)
        return desk

    def _owns_patient(self, partition: int, patient_id: str) -> bool:
        return partition_of(patient_id.encode(), self.settings.partitions) == partition

    async def _check_gap(self, desk: OwnedPartition, first: int) -> None:
        """Records between the marker and the first one delivered would be lost without a trace."""
        partition, wanted = desk.shard.partition, desk.shard.next_offset
        if first <= wanted:
            return
        begins = await self._log_begins(partition)
        if first > begins:
            fail_stop("gap", f"partition {partition}: offset {first} came, {wanted} is next")
        if wanted > 0:
            metrics.LOG_CUT.inc(first - wanted)
            log.error("partition %d: offsets %d to %d are gone from the log unread", partition, wanted, first - 1)

    async def _publish_alerts(self, desk: OwnedPartition, partition: int, outcome: Outcome) -> None:
        """Alerts, what goes on to other patients, dead letters and a sign of life: on their way before all else."""
        for told in outcome.alerts:
            desk.sent.append(
                await self.outbox.send(
                    self._alerts,
                    told.alert.model_dump_json().encode(),
                    told.alert.patient_id.encode(),
                    partition,
                    headers_of(told, partition),
                    partial(note_latency, told.appended_ms),
                )
            )
            note(told, partition)
        for forward in outcome.forwards:
            key = forward.patient_id.encode()
            there = partition_of(key, self.settings.partitions)
            desk.sent.append(await self.outbox.send(self._log, forward.value, key, there))
        for letter in outcome.letters:
            value = letter.letter.model_dump_json().encode()
            desk.sent.append(await self.outbox.send(self._letters, value, letter.key))
        if outcome.dispositions["tick"] and monotonic() - desk.beat_at >= HEARTBEAT_SECONDS:
            desk.beat_at = monotonic()
            beat = {"heartbeat": partition, "at": to_datetime(outcome.ticked_at).isoformat()}
            value = json.dumps(beat).encode()
            desk.sent.append(await self.outbox.send(self._alerts, value, None, partition, HEARTBEAT))

    async def _publish_states(self, desk: OwnedPartition, partition: int, outcome: Outcome) -> None:
        """The states of patients who changed clinically at once; of the others not more often than is asked."""
        at = monotonic()
        longest = self.settings.state_seconds
        due = list(outcome.changed)
        if at - desk.swept_at >= min(longest, SWEEP_SECONDS):
            desk.swept_at = at
            due += [
                patient_id
                for patient_id in desk.unpublished
                if patient_id not in outcome.changed and at - desk.published_at.get(patient_id, 0.0) >= longest
            ]
        for patient_id in due:
            desk.unpublished.pop(patient_id, None)
            desk.published_at[patient_id] = at
            desk.sent.append(await self._publish(desk, partition, patient_id))

    async def _publish(self, desk: OwnedPartition, partition: int, patient_id: str) -> asyncio.Future[Any]:
        offset = desk.shard.positions[patient_id].log_offset
        state = view(self.guideline, desk.shard.state(patient_id), None, offset)
        metrics.STATES.inc()
        return await self.outbox.send(self._states, state.model_dump_json().encode(), patient_id.encode(), partition)

    async def _flush(self, partition: int, desk: OwnedPartition) -> None:
        """All that was told is confirmed, then rows and marker, then the batches are acknowledged."""
        sent, desk.sent = desk.sent, []
        await confirmed(sent)
        dirty, desk.dirty = desk.dirty, {}
        batches, desk.batches = desk.batches, []
        if desk.generation != self._generation():
            return  # Someone else may have the partition: leave no trace, it will be read again from the marker.
        await self._append(partition, desk, {patient_id: desk.shard.row(patient_id) for patient_id in dirty})
        metrics.ROWS.inc(len(dirty))
        if desk.generation != self._generation():
            return
        for acknowledge in batches:
            acknowledge()

    async def _append(self, partition: int, desk: OwnedPartition, rows: dict[str, row.Row]) -> None:
        marker = Marker(desk.shard.next_offset, desk.epoch, desk.shard.ticks)
        records = list(changelog.records_of(rows, marker))
        sent = await self.outbox.append(self.settings.changelog, partition, records)
        await confirmed(sent)
        last = sent[-1].result().offset
        for record in records:
            desk.held.take(last, record.key, record.value, record.headers)
        desk.written_at = monotonic()


def time_slice(records: list[Any], start: int) -> Iterator[Any]:
    """Records from a place in the list on, at least one, for as long as a spell lasts."""
    until = perf_counter() + SPELL_SECONDS
    for place in range(start, len(records)):
        yield records[place]
        if perf_counter() > until:
            return


def headers_of(told: AlertFromRecord, partition: int) -> list[tuple[str, bytes]]:
    """Where in the log an alert comes from, and when that record was appended (ms since 1970, the broker's clock)."""
    return [
        ("log_partition", str(partition).encode()),
        ("log_offset", str(told.offset).encode()),
        ("log_appended_ms", str(told.appended_ms).encode()),
    ]


def note_latency(appended_ms: int, confirmed_as: Any) -> None:
    """From log append to alert append, by the broker's clock where it keeps one (timestamp type 1), else by ours."""
    at = confirmed_as.timestamp if confirmed_as.timestamp_type == 1 else time() * 1000
    metrics.ALERT_LATENCY.observe(max(0.0, (at - appended_ms) / 1000))


def note(told: AlertFromRecord, partition: int) -> None:
    """One line for one decision that people hear of; no patient in it."""
    alert = told.alert
    metrics.ALERTS.labels(alert.kind, alert.priority, alert.status).inc()
    log.info(
        "alert %s version=%d %s %s priority=%s rule=%s log=%d/%d",
        alert.alert_id,
        alert.version,
        alert.status,
        alert.kind,
        alert.priority,
        alert.rule.id,
        partition,
        told.offset,
    )


def count(outcome: Outcome, records: int, seconds: float, topic: str, partition: int) -> None:
    """A batch in numbers."""
    for disposition, number in outcome.dispositions.items():
        metrics.EVENTS.labels(topic, disposition).inc(number)
    for reason, number in outcome.verdicts.items():
        metrics.VERDICTS.labels(reason).inc(number)
    for letter in outcome.letters:
        metrics.DEAD_LETTERS.labels(topic, letter.letter.reason).inc()
    metrics.BATCH.observe(records)
    metrics.STEP.observe(seconds / records)
    metrics.UNKNOWN_FIELDS.inc(outcome.unknown_fields)
    if outcome.dispositions["tick"]:
        metrics.LAST_TICK.labels(str(partition)).set(outcome.ticked_at / 1000)
    for ms in outcome.acknowledged:
        metrics.ACKNOWLEDGE.observe(ms / 1000)
    for kind, ms in outcome.resolved:
        if ms <= metrics.FLAP_HOLDS_SECONDS * 1000:
            metrics.FLAPS.labels(kind).inc()
