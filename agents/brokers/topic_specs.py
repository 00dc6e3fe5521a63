"""The topics as the settings want them: the contract's nine, and two that the system keeps for itself."""

from __future__ import annotations

from dataclasses import dataclass

from agents.platform.settings import Settings
from schemas.topics import TOPICS, TopicSpec

DELIVERED = "dispatch-delivered"
DAY_MS = 86_400_000
# A message of 1 MiB must come in to be refused with a reason; a batch of rows is appended whole.
LARGEST_BYTES = 2 << 20
# Whoever takes a partition over reads the whole changelog: it is kept short.
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
    """A topic with everything that is asked of it; `kept` in words."""

    name: str
    partitions: int
    copies: int
    kept: str
    configuration: dict[str, str]


def wanted_topics(settings: Settings) -> list[WantedTopic]:
    """Every topic that must be there, in the order in which data flows."""
    own = (compacted(settings, settings.changelog, by_broker_clock=False), compacted(settings, delivered(settings)))
    return [*(of_contract(settings, topic) for topic in TOPICS), *own]


def delivered(settings: Settings) -> str:
    """The topic in which the dispatcher keeps what it has delivered."""
    return f"{settings.topic_prefix}{DELIVERED}"


def of_contract(settings: Settings, topic: TopicSpec) -> WantedTopic:
    """A topic of the wire contract."""
    name = settings.topic(topic)
    if topic.cleanup == "compact":
        return compacted(settings, name)
    assert topic.retention_days is not None, f"{topic.name} is deleted after some time"
    lifetime = {"cleanup.policy": "delete", "retention.ms": str(topic.retention_days * DAY_MS)}
    days = "1 day" if topic.retention_days == 1 else f"{topic.retention_days} days"
    return wanted(settings, name, days, lifetime | common(settings))


def compacted(settings: Settings, name: str, *, by_broker_clock: bool = True) -> WantedTopic:
    """A topic that keeps the last value of every key."""
    return wanted(settings, name, "last of a key", COMPACTED | common(settings, by_broker_clock=by_broker_clock))


def wanted(settings: Settings, name: str, kept: str, configuration: dict[str, str]) -> WantedTopic:
    """A topic with the partitions and copies of the settings."""
    return WantedTopic(name, settings.partitions, settings.replication_factor, kept, configuration)


def common(settings: Settings, *, by_broker_clock: bool = True) -> dict[str, str]:
    """What holds for every topic. The broker's clock says when a record came, whatever the writer believes."""
    return {
        "min.insync.replicas": str(settings.insync),
        "max.message.bytes": str(LARGEST_BYTES),
        "message.timestamp.type": "LogAppendTime" if by_broker_clock else "CreateTime",
    }
