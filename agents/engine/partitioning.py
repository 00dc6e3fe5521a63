"""Which partition a patient belongs to: the hash of the key that Kafka's own clients use."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from aiokafka.partitioner import murmur2


@lru_cache(maxsize=65_536)
def partition_of(key: bytes, partitions: int) -> int:
    """The partition of a key among `partitions`: murmur2, as in Java's clients, aiokafka and kafka-python."""
    return int((murmur2(key) & 0x7FFFFFFF) % partitions)


def belongs_to(partition: int, partitions: int) -> Callable[[str], bool]:
    """A function that says whether a patient id belongs to `partition` among `partitions`."""
    return lambda patient_id: partition_of(patient_id.encode(), partitions) == partition
