"""The partition of a patient: by the hash of the key, as Kafka's own clients compute it."""

from __future__ import annotations

from functools import lru_cache

from aiokafka.partitioner import murmur2


@lru_cache(maxsize=65_536)
def partition_of(key: bytes, partitions: int) -> int:
    """The partition of a patient: as Java's clients, aiokafka and kafka-python have it."""
    return int((murmur2(key) & 0x7FFFFFFF) % partitions)
