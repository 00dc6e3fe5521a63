"""A worker that is hurt at an exact moment, and on request has one of its guards taken out.

With all guards every one of these faults must come to nothing; without the guard that stands against it, the checker
must object. `python -m tests.chaos.sabotage FAULT GUARD`: `none` for no fault, or with every guard in place.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from aiokafka.errors import MessageSizeTooLargeError

from agents.cli.main import main
from agents.engine.partition import Outcome, Partition
from agents.stream import producer, worker
from agents.stream.producer import ConfirmedProducer
from agents.stream.watch import OwnedPartition, PartitionWatch


def once(name: str) -> bool:
    """Whether this is the first time, in the life of this data directory."""
    path = Path(os.environ["CRS_DATA_DIR"]) / f"happened-{name}"
    if path.exists():
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return True


def die() -> None:
    """As when the power fails."""
    os.kill(os.getpid(), signal.SIGKILL)


# ---- faults


def second_delivery() -> None:
    """A chunk comes twice: on a real cluster the first one after a join can be from before the seek."""
    take = PartitionWatch.take

    async def twice(self: PartitionWatch, partition: int, records: list[Any], *rest: Any) -> None:
        await take(self, partition, records, *rest)
        if any(record.key is not None for record in records) and once(f"second-delivery-{partition}"):
            await take(self, partition, records, *rest)

    PartitionWatch.take = twice  # type: ignore[method-assign]


def death_between_alert_and_row() -> None:
    """The power fails when the first of the two is confirmed, and the other is not sent yet."""
    append = PartitionWatch._append

    async def dying(self: PartitionWatch, partition: int, desk: OwnedPartition, rows: dict[str, Any]) -> None:
        if raised(desk) and once("death"):
            die()
        await append(self, partition, desk, rows)

    PartitionWatch._append = dying  # type: ignore[method-assign]


def refused_alert() -> None:
    """The brokers do not take an alert."""
    send = ConfirmedProducer.send

    async def refused(
        self: ConfirmedProducer, topic: str, value: bytes, *rest: Any, **more: Any
    ) -> asyncio.Future[Any]:
        if topic.endswith("alerts") and b'"alert_id"' in value and once("refused"):
            no: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
            no.add_done_callback(lambda done: producer.report(done, topic, None))
            no.set_exception(MessageSizeTooLargeError())
            return no
        return await send(self, topic, value, *rest, **more)

    ConfirmedProducer.send = refused  # type: ignore[method-assign]


def raised(desk: OwnedPartition) -> bool:
    """Whether any alert stands in what is to be written down."""
    return any(desk.shard.state(patient_id).alerts.open for patient_id in desk.shard)


# ---- guards taken out


def without_offset_guard() -> None:
    """What was folded before is folded again."""
    Partition.is_behind = lambda self, offset: False  # type: ignore[method-assign]
    Partition._row_includes = lambda self, patient_id, offset: False  # type: ignore[method-assign]


def without_marker_seek() -> None:
    """The log goes on where the group's commit is, as Faust has it."""
    worker.Worker._markers = lambda self: {}  # type: ignore[method-assign]


def without_the_order() -> None:
    """Rows first, alerts later."""
    tell, write_down = PartitionWatch._publish_alerts, PartitionWatch._flush
    waiting: dict[int, list[Outcome]] = {}

    async def later(self: PartitionWatch, desk: OwnedPartition, partition: int, outcome: Outcome) -> None:
        waiting.setdefault(partition, []).append(outcome)

    async def rows_first(self: PartitionWatch, partition: int, desk: OwnedPartition) -> None:
        await write_down(self, partition, desk)
        outcomes = waiting.pop(partition, [])
        if any(outcome.alerts for outcome in outcomes) and once("death"):
            die()
        for outcome in outcomes:
            await tell(self, desk, partition, outcome)

    PartitionWatch._publish_alerts, PartitionWatch._flush = later, rows_first  # type: ignore[method-assign]


def without_fail_stop() -> None:
    """A refused message is a line in the log, and work goes on."""

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
    if guard != "order":  # which dies by itself, at the same moment of its own order
        FAULTS[fault]()
    sys.argv.insert(1, "worker")
    main()
