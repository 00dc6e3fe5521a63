"""Receives the heartbeats of assigned partitions, from `crs.heartbeats` and, of build 0.1, from the alerts topic.

A heartbeat must prove the whole path of a partition, including this dispatcher's own reading of alerts. Heartbeats have
a topic of their own, so one counts only while the alerts of its partition are being read as well.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from agents.dispatch import metrics
from agents.dispatch.executor import log_decision
from agents.dispatch.paging import Paging
from schemas.heartbeats import read_heartbeat


class HeartbeatReader:
    """`alerts_read`: whether the alerts of a partition are being read, up to now."""

    def __init__(self, paging: Paging, alerts_read: Callable[[int], bool]) -> None:
        self.paging = paging
        self.alerts_read = alerts_read

    def take(self, record: Any) -> None:
        """One record of the heartbeats topic. Partition n is about partition n of the log and of the alerts."""
        heartbeat = read_heartbeat(record.value)
        if heartbeat is None or heartbeat.partition != record.partition:
            log_decision("unreadable")
        elif self.alerts_read(record.partition):
            count_heartbeat(self.paging, record.partition, datetime.now(UTC))


def count_heartbeat(paging: Paging, partition: int, now: datetime) -> None:
    """A heartbeat that was received now; those of partitions that are not assigned are ignored."""
    if partition in paging.partitions:
        metrics.HEARTBEAT.labels(str(partition)).set(now.timestamp())
        paging.heartbeat(partition, now)
