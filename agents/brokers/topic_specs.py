"""The topics as the settings want them: those of the wire contract, and two that the system keeps for itself."""

from __future__ import annotations

from dataclasses import dataclass

from agents.platform.settings import Settings
from schemas.topics import TOPICS, TopicSpec

DELIVERED = "dispatch-delivered"
DAY_MS = 86_400_000
# A message of 1 MiB must be accepted so that it can be refused with a reason; a batch of rows is appended whole.
LARGEST_BYTES = 2 << 20
# A worker that takes a partition over reads its whole changelog, so compaction runs early and often.
COMPACTED = {
    "cleanup.policy": "compact",
    "min.cleanable.dirty.ratio": "0.1",
    "segment.ms": "600000",
    "segment.bytes": str(64 << 20),
    "max.compaction.lag.ms": "900000",
    "delete.retention.ms": str(DAY_MS),
}


@dataclass(frozen=True, slots=True)
class WantedTopic:
    """A topic with its full configuration. `kept`: how long it keeps records, in words for people."""

    name: str
    partitions: int
    copies: int
    kept: str
    configuration: dict[str, str]


def wanted_topics(settings: Settings) -> list[WantedTopic]:
    """Every topic that must exist, in the order in which data passes through them."""
    own = (
        compacted(settings, settings.changelog, by_broker_clock=False),
        compacted(settings, delivered_topic(settings)),
    )
    return [*(of_contract(settings, topic) for topic in TOPICS), *own]


def delivered_topic(settings: Settings) -> str:
    """The full name of the topic in which the dispatcher keeps what it has delivered."""
    return f"{settings.topic_prefix}{DELIVERED}"


def of_contract(settings: Settings, topic: TopicSpec) -> WantedTopic:
    """A topic of the wire contract (schemas/topics.py)."""
    name = settings.topic(topic)
    if topic.cleanup == "compact":
        return compacted(settings, name)
    assert topic.retention_days is not None, f"{topic.name} is deleted after some time"
    lifetime = {"cleanup.policy": "delete", "retention.ms": str(topic.retention_days * DAY_MS)}
    kept = "1 day" if topic.retention_days == 1 else f"{topic.retention_days} days"
    return wanted(settings, name, kept, lifetime | common(settings))


def compacted(settings: Settings, name: str, *, by_broker_clock: bool = True) -> WantedTopic:
    """A topic that keeps the last value of every key."""
    return wanted(settings, name, "last of a key", COMPACTED | common(settings, by_broker_clock=by_broker_clock))


def wanted(settings: Settings, name: str, kept: str, configuration: dict[str, str]) -> WantedTopic:
    """A topic with the partitions and copies of the settings."""
    return WantedTopic(name, settings.partitions, settings.replication_factor, kept, configuration)


def common(settings: Settings, *, by_broker_clock: bool = True) -> dict[str, str]:
    """The configuration of every topic. The broker stamps records with its own clock: writers' clocks may be wrong."""
    return {
        "min.insync.replicas": str(settings.insync),
        "max.message.bytes": str(LARGEST_BYTES),
        "message.timestamp.type": "LogAppendTime" if by_broker_clock else "CreateTime",
    }
