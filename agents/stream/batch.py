"""A batch: consecutive records of one partition, which Faust delivers and acknowledges as one message."""

from __future__ import annotations

from typing import Any

from faust.types import TP, ConsumerMessage

from agents.engine.records import FeedRecord


class Batch(ConsumerMessage):
    """`value` is the list of records.

    `first_offset`: the partition has no other records from this offset to the last record.
    """

    first_offset: int = 0

    @property
    def records(self) -> list[FeedRecord]:
        """The records, in order."""
        return self.value  # type: ignore[return-value]  # a list where Faust expects bytes: nothing of Faust's reads it


def batch_of(tp: TP, records: list[Any], first_offset: int, generation: int) -> Batch:
    """A batch of records. `first_offset` may lie before them: a gap of the log must not stop the commits."""
    last = records[-1]
    batch = Batch(
        last.topic,
        last.partition,
        last.offset,
        last.timestamp / 1000.0,
        last.timestamp_type,
        [],
        None,
        records,  # type: ignore[arg-type]  # see Batch.records
        None,
        None,
        None,
        tp,
        generation_id=generation,
    )
    batch.first_offset = first_offset
    return batch
