"""Reads partitions from their beginning with a consumer without a group: rows, states, delivered pages.

`seek_to_beginning` of aiokafka is not used: right after an assignment it loses against the consumer's own look for the
end, and the first partition is then never read (measured with aiokafka 0.14 on a real broker).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any


async def go_to_begin(consumer: Any, partitions: Iterable[Any]) -> None:
    """Makes the first record of each partition the next one that is read. `consumer` has them assigned."""
    for partition, begin in (await consumer.beginning_offsets(list(partitions))).items():
        consumer.seek(partition, begin)


async def read_partition(consumer: Any, partition: Any, take: Callable[[bytes, bytes | None], None]) -> None:
    """Reads a partition from its beginning to its current end. `consumer` has it assigned, and no group.

    `take` gets key and value of each record that has a key.
    """
    end = (await consumer.end_offsets([partition]))[partition]
    await go_to_begin(consumer, [partition])
    while await consumer.position(partition) < end:
        for records in (await consumer.getmany(partition, timeout_ms=200)).values():
            for record in records:
                if record.key is not None:
                    take(record.key, record.value)
