"""Feed partitions that wait, because the next event is of a type that not every worker can read yet.

The partition is paused. What was delivered before the pause waits here, in order and not acknowledged: nothing is lost
when this worker ends, because its successor reads it again.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

from agents.engine.records import FeedRecord
from agents.stream import metrics

Place = tuple[str, int]  # topic and partition of a feed

log = logging.getLogger("crs.intake")


class FeedBatch(NamedTuple):
    """Records of one partition of a feed. `acknowledge` is called once brokers have all of them in the log."""

    topic: str
    records: Sequence[FeedRecord]
    acknowledge: Callable[[], Any]

    @property
    def place(self) -> Place:
        """Where the records come from."""
        return self.topic, self.records[0].partition


class FeedFlow(Protocol):
    """Pauses and resumes the reading of a partition of a feed."""

    def pause(self, place: Place) -> None:
        """Delivers nothing more of this partition, as soon as possible."""
        ...

    def resume(self, place: Place) -> None:
        """Goes on."""
        ...


class HeldFeeds:
    """The batches of each partition that waits, the oldest first."""

    def __init__(self, flow: FeedFlow) -> None:
        self.flow = flow
        self.batches: dict[Place, deque[FeedBatch]] = {}
        self._types: dict[Place, str] = {}

    def hold(self, batch: FeedBatch, event_type: str) -> None:
        """Pauses the partition of a batch whose first event cannot be read by every worker."""
        topic, partition = batch.place
        self.batches[batch.place] = deque([batch])
        self._types[batch.place] = event_type
        self.flow.pause(batch.place)
        metrics.HELD.labels(topic, str(partition), event_type).set(1)
        offset = batch.records[0].offset
        log.warning("%s/%d waits at %d: not every worker reads type %s yet", topic, partition, offset, event_type)

    def is_held(self, batch: FeedBatch) -> bool:
        """Whether the partition waits already; then the batch waits behind what came before."""
        waiting = self.batches.get(batch.place)
        if waiting is None:
            return False
        waiting.append(batch)
        self.flow.pause(batch.place)
        return True

    def end(self, place: Place) -> None:
        """Nothing of this partition waits any more."""
        del self.batches[place]
        event_type = self._types.pop(place)
        metrics.HELD.labels(place[0], str(place[1]), event_type).set(0)
        self.flow.resume(place)
        log.info("%s/%d goes on: every worker reads type %s", *place, event_type)

    def clear(self) -> None:
        """Forgets all batches after a rebalance: whatever was not acknowledged is read again."""
        for place in list(self.batches):
            del self.batches[place]
            metrics.HELD.labels(place[0], str(place[1]), self._types.pop(place)).set(0)
            self.flow.resume(place)
