"""A worker with a fault injected at an exact moment and, on request, with one of its guards removed.

With all guards no fault has a consequence; without the guard against it, `verify` must report breaches.
`python -m tests.chaos.sabotage FAULT GUARD`: `none` for no fault, or for all guards in place.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from aiokafka.errors import MessageSizeTooLargeError

from agents.cli.main import main
from agents.engine.outcome import Outcome
from agents.engine.partition import Partition
from agents.stream import producer, worker
from agents.stream.owned_partition import OwnedPartition
from agents.stream.producer import ConfirmedProducer
from agents.stream.publication import Publisher
from agents.stream.watch import PartitionWatch


def once(name: str) -> bool:
    """Whether this is the first time with this data directory, across restarts."""
    path = Path(os.environ["CRS_DATA_DIR"]) / f"happened-{name}"
    if path.exists():
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return True


def die() -> None:
    """Ends the process as a power failure would."""
    os.kill(os.getpid(), signal.SIGKILL)


# ---- faults


def second_delivery() -> None:
    """A batch is delivered twice: on a real cluster the first one after a join can be from before the seek."""
    take = PartitionWatch.take

    async def twice(self: PartitionWatch, partition: int, records: list[Any], *rest: Any) -> None:
        await take(self, partition, records, *rest)
        if any(record.key is not None for record in records) and once(f"second-delivery-{partition}"):
            await take(self, partition, records, *rest)

    PartitionWatch.take = twice  # type: ignore[method-assign, assignment]


def death_between_alert_and_row() -> None:
    """The process dies when the alert is confirmed and the row is not sent yet."""
    append = PartitionWatch._append

    async def dying(self: PartitionWatch, owned: OwnedPartition, rows: Mapping[str, Any]) -> None:
        if has_open_alerts(owned) and once("death"):
            die()
        await append(self, owned, rows)

    PartitionWatch._append = dying  # type: ignore[method-assign]


def refused_alert() -> None:
    """The brokers refuse an alert."""
    send = ConfirmedProducer.send

    async def refused(
        self: ConfirmedProducer, topic: str, value: bytes, *rest: Any, **more: Any
    ) -> asyncio.Future[Any]:
        if topic.endswith("alerts") and b'"alert_id"' in value and once("refused"):
            refusal: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
            refusal.add_done_callback(lambda done: producer.report(done, topic, None))
            refusal.set_exception(MessageSizeTooLargeError())
            return refusal
        return await send(self, topic, value, *rest, **more)

    ConfirmedProducer.send = refused  # type: ignore[method-assign]


def has_open_alerts(owned: OwnedPartition) -> bool:
    """Whether any patient of the partition has an open alert."""
    return any(owned.partition.state(patient_id).alerts.open for patient_id in owned.partition)


# ---- guards removed


def without_offset_guard() -> None:
    """Records that were applied before are applied again."""
    Partition.is_behind = lambda self, offset: False  # type: ignore[method-assign]
    Partition._row_includes = lambda self, patient_id, offset: False  # type: ignore[method-assign]


def without_marker_seek() -> None:
    """The log is read from the group's commit, as in plain Faust."""
    worker.Worker._markers = lambda self: {}  # type: ignore[method-assign]


def without_the_order() -> None:
    """Rows are written first, alerts sent later."""
    publish, flush = Publisher.publish, PartitionWatch._flush
    waiting: dict[int, list[Outcome]] = {}

    async def later(self: Publisher, owned: OwnedPartition, outcome: Outcome) -> None:
        waiting.setdefault(owned.number, []).append(outcome)

    async def rows_first(self: PartitionWatch, owned: OwnedPartition) -> None:
        await flush(self, owned)
        outcomes = waiting.pop(owned.number, [])
        if any(outcome.alerts for outcome in outcomes) and once("death"):
            die()
        for outcome in outcomes:
            await publish(self.publisher, owned, outcome)

    Publisher.publish, PartitionWatch._flush = later, rows_first  # type: ignore[method-assign]


def without_fail_stop() -> None:
    """A refused message is ignored, and the worker goes on."""

    async def tolerant(sending: Any) -> Any:
        try:
            return await sending
        except Exception:
            return None

    def silent(done: asyncio.Future[Any], topic: str, confirmed: Any) -> None:
        if not done.cancelled() and done.exception() is None and confirmed is not None:
            confirmed(done.result())

    producer.guarded, producer.report = tolerant, silent


FAULTS: dict[str, Callable[[], None]] = {
    "second-delivery": second_delivery,
    "death-between": death_between_alert_and_row,
    "refused-alert": refused_alert,
    "none": lambda: None,
}
GUARDS: dict[str, Callable[[], None]] = {
    "offset-guard": without_offset_guard,
    "marker-seek": without_marker_seek,
    "order": without_the_order,
    "fail-stop": without_fail_stop,
    "none": lambda: None,
}

if __name__ == "__main__":
    fault, guard = sys.argv.pop(1), sys.argv.pop(1)
    GUARDS[guard]()
    if guard != "order":  # that one dies by itself, between its rows and its alerts
        FAULTS[fault]()
    sys.argv.insert(1, "worker")
    main()
