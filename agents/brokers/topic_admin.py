"""Topics at the brokers: compared with the wanted ones, and created when they are missing. None is ever altered."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any

from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient
from kafka.errors import (
    ClusterAuthorizationFailedError,
    InvalidReplicationFactorError,
    KafkaError,
    NoError,
    TopicAlreadyExistsError,
    TopicAuthorizationFailedError,
    for_code,
)

from agents.brokers.preflight import TopicDescription, describe_topics
from agents.brokers.topic_specs import WantedTopic
from agents.platform.errors import UserError
from agents.platform.settings import Settings

PATIENCE_SECONDS = 5.0
JOINING_SECONDS = 5.0
READY_MS = 30_000
FORBIDDEN = (ClusterAuthorizationFailedError, TopicAuthorizationFailedError)


@dataclass(frozen=True, slots=True)
class Comparison:
    """A wanted topic, and how the existing one differs from it. `missing`: no such topic exists."""

    wanted: WantedTopic
    missing: bool
    differences: tuple[str, ...] = ()


def compare(settings: Settings, topics: Sequence[WantedTopic]) -> list[Comparison]:
    """Compares each topic with the existing one. Raises UserError when no broker answers."""
    present = describe_topics(settings, PATIENCE_SECONDS)
    existing = [topic.name for topic in topics if topic.name in present]
    configurations = configurations_of(settings, existing) if existing else {}
    return [
        Comparison(topic, missing=False, differences=tuple(differences(topic, present[topic.name], configurations)))
        if topic.name in present
        else Comparison(topic, missing=True)
        for topic in topics
    ]


def differences(
    wanted: WantedTopic, existing: TopicDescription, configurations: Mapping[str, Mapping[str, str]]
) -> Iterator[str]:
    """How an existing topic differs from the wanted one, a line for each difference."""
    if existing.partitions != wanted.partitions:
        yield f"partitions are {existing.partitions}, wanted {wanted.partitions}"
    if existing.copies != wanted.copies:
        yield f"copies are {existing.copies}, wanted {wanted.copies}"
    for name, value in wanted.configuration.items():
        actual = configurations[wanted.name].get(name)
        if actual != value:
            yield f"{name} is {actual}, wanted {value}"


def configurations_of(settings: Settings, names: Sequence[str]) -> dict[str, dict[str, str]]:
    """The configuration in force of each topic."""
    with closing(admin_client(settings)) as client, kafka_errors_as_user_errors(settings):
        resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
        answer = client.describe_configs(resources, config_filter="all").get("topic", {})
    return {name: {key: each["value"] for key, each in answer.get(name, {}).items()} for name in names}


def create(settings: Settings, topics: Sequence[WantedTopic]) -> None:
    """Creates topics and waits until each has leaders. Raises UserError with the reason when one is refused."""
    if not topics:
        return
    until = time.monotonic() + JOINING_SECONDS
    with closing(admin_client(settings)) as client, kafka_errors_as_user_errors(settings):
        brokers = len(client.describe_cluster()["brokers"])
        remaining = list(topics)
        while remaining:
            request = {topic.name: creation_request(topic) for topic in remaining}
            answer = client.create_topics(request, raise_errors=False)
            refusals = {each["name"]: each for each in answer["topics"] if for_code(each["error_code"]) is not NoError}
            remaining = [topic for topic in remaining if is_refused(refusals.get(topic.name))]
            if remaining:
                refusal = refusals[remaining[0].name]
                # Just after a start the controller may not know all brokers yet.
                may_pass = for_code(refusal["error_code"]) is InvalidReplicationFactorError
                if not may_pass or time.monotonic() > until:
                    raise UserError(refusal_message(remaining[0], refusal, brokers))
                time.sleep(0.5)
        client.wait_for_topics([topic.name for topic in topics], timeout_ms=READY_MS)


def creation_request(topic: WantedTopic) -> dict[str, Any]:
    """A topic in the form in which kafka-python asks for its creation."""
    return {
        "num_partitions": topic.partitions,
        "replication_factor": topic.copies,
        "configs": topic.configuration,
    }


def is_refused(refusal: Mapping[str, Any] | None) -> bool:
    """Whether a topic was not created; one that another process has just created counts as created."""
    return refusal is not None and for_code(refusal["error_code"]) is not TopicAlreadyExistsError


def refusal_message(topic: WantedTopic, refusal: Mapping[str, Any], brokers: int) -> str:
    """Why a topic was not created and what to do about it, in one line. `brokers`: how many the cluster has."""
    kind = for_code(refusal["error_code"])
    if kind is InvalidReplicationFactorError:
        return (
            f"topic {topic.name}: {topic.copies} copies are wanted, but the cluster has {brokers} broker(s); "
            f"start more brokers, or set CRS_REPLICATION_FACTOR to {brokers} or fewer"
        )
    if kind in FORBIDDEN:
        return f"topic {topic.name}: the brokers do not let this user create it; ask for the right to create topics"
    return f"topic {topic.name} cannot be created: {refusal.get('error_message') or kind.__name__}"


def delete(settings: Settings, names: Sequence[str]) -> None:
    """Deletes topics with all their records: only tests and benchmarks do that."""
    with closing(admin_client(settings)) as client, kafka_errors_as_user_errors(settings):
        client.delete_topics(list(names), raise_errors=False)


def admin_client(settings: Settings) -> KafkaAdminClient:
    """A connected kafka-python admin client; the caller closes it."""
    with kafka_errors_as_user_errors(settings):
        return KafkaAdminClient(bootstrap_timeout_ms=READY_MS, client_id="crs-topics", **settings.kafka_python())


@contextmanager
def kafka_errors_as_user_errors(settings: Settings) -> Iterator[None]:
    """Turns an exception of kafka-python into a UserError of one line."""
    try:
        yield
    except KafkaError as error:
        message = " ".join(str(error).split())[:300] or type(error).__name__
        raise UserError(f"{settings.bootstrap_servers}: {message}; are all brokers up?") from error
