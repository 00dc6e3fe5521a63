"""Preflight: before a command works, brokers answer, and the topics that it needs exist with agreeing partitions."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient

from agents.platform.errors import UserError
from agents.platform.settings import Settings
from schemas import topics

PATIENCE_SECONDS = 10.0
# A broker that accepts the connection and is slow gets so much more time than one that cannot be reached.
SLOW_SECONDS = 20.0
REFUSED = frozenset({KafkaError._AUTHENTICATION, KafkaError.SASL_AUTHENTICATION_FAILED})
ADVICE = "`crs-monitor topics` creates what is missing and says what differs"


class TopicDescription(NamedTuple):
    """An existing topic: its partitions, and the smallest number of copies that one of them has."""

    partitions: int
    copies: int


def describe_topics(settings: Settings, patience_seconds: float = PATIENCE_SECONDS) -> dict[str, TopicDescription]:
    """Every topic at the brokers, by full name. Raises UserError when no broker answers or the login is refused."""
    silent = logging.getLogger("crs.librdkafka")
    silent.addHandler(logging.NullHandler())
    silent.propagate = False
    errors: list[KafkaError] = []
    options = {"socket.connection.setup.timeout.ms": 5000, "error_cb": errors.append}
    client = AdminClient(settings.librdkafka() | options, logger=silent)
    found = list_topics(settings, client, errors, time.monotonic() + patience_seconds)
    return {
        name: TopicDescription(
            len(topic.partitions), min((len(p.replicas) for p in topic.partitions.values()), default=0)
        )
        for name, topic in found.items()
    }


def list_topics(settings: Settings, client: AdminClient, errors: list[KafkaError], until: float) -> Mapping[str, Any]:
    """Asks for all topics until a broker answers or the time is up. `errors` grows between two requests."""
    while True:
        try:
            return client.list_topics(timeout=1.0).topics
        except KafkaException as error:
            client.poll(0)
            codes = {each.code() for each in errors}
            deadline = until if KafkaError._ALL_BROKERS_DOWN in codes else until + SLOW_SECONDS
            if time.monotonic() >= deadline or REFUSED & codes:
                raise UserError(unreachable(settings, error.args[0], errors)) from error


def unreachable(settings: Settings, error: KafkaError, errors: Iterable[KafkaError]) -> str:
    """Why no broker answered: the errors of the connection say more than the last one, that time ran out."""
    found = (*errors, error)
    codes = {each.code() for each in found}
    where = settings.bootstrap_servers
    if REFUSED & codes:
        return f"{where}: the brokers refuse the credentials; check sasl_username, sasl_password and sasl_mechanism"
    if KafkaError._SSL in codes or any("SSL handshake failed" in each.str() for each in found):
        return f"{where}: no TLS connection; check security_protocol and ssl_cafile"
    return f"{where}: no broker answers; is Kafka running, and is KAFKA_BOOTSTRAP_SERVERS right?"


def require_topics(
    settings: Settings,
    co_partitioned: Sequence[str],
    others: Sequence[str] = (),
    patience_seconds: float = PATIENCE_SECONDS,
) -> int:
    """Raises UserError unless all these topics (full names) exist and `co_partitioned` have equally many partitions.

    Returns that number of partitions; 0 when `co_partitioned` is empty.
    """
    present = describe_topics(settings, patience_seconds)
    for name in (*co_partitioned, *others):
        if name not in present:
            raise UserError(missing_topic(name))
    counts = {name: present[name].partitions for name in co_partitioned}
    for name, count in counts.items():
        if count != counts[co_partitioned[0]]:
            raise UserError(
                f"topic {co_partitioned[0]} has {counts[co_partitioned[0]]} partitions, {name} has {count}: they must "
                "have equally many, or patients would be looked for in the wrong partition"
            )
    return next(iter(counts.values()), 0)


def missing_topic(name: str) -> str:
    """The error text for a topic that does not exist."""
    return f"topic {name} is missing; {ADVICE}"


def require_all(settings: Settings) -> None:
    """Raises UserError unless every topic is as the settings ask: for processes that write to the log and its rows."""
    for problem in problems(settings, describe_topics(settings)):
        raise UserError(problem)


def problems(settings: Settings, present: Mapping[str, TopicDescription]) -> Iterable[str]:
    """Each topic that is missing, or has other partitions or fewer copies than the settings ask for."""
    co_partitioned = [*(settings.topic(topic) for topic in topics.TOPICS if topic.co_partitioned), settings.changelog]
    for name in (*(settings.topic(topic) for topic in topics.TOPICS), settings.changelog):
        if name not in present:
            yield missing_topic(name)
        elif name in co_partitioned and present[name].partitions != settings.partitions:
            yield (
                f"topic {name} has {present[name].partitions} partitions, the settings say {settings.partitions}: "
                "set CRS_PARTITIONS to what there is; partitions are never changed later"
            )
        elif present[name].copies < settings.replication_factor:
            yield f"topic {name} has {present[name].copies} copies, the settings ask for {settings.replication_factor}"
